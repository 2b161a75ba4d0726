import type { Socket } from 'node:net'

/** Up to this size, copying into one write costs less than a list of writes. */
const JOINED_BYTES = 16 << 10
/** Below this average chunk size, one copy costs less as well. */
const SMALL_CHUNK_BYTES = 256
/** Above this number of unsent bytes, streams send no DATA. */
const CONGESTED_BYTES = 1 << 20
/** Bound, beyond that, on control frames for a peer that has stopped reading. */
const MAX_WAITING_BYTES = 2 << 20

const nothing = new Uint8Array(0)
/** Delay of coalesced writes, in turns of the event loop: enough for the next chunk to arrive. */
const COALESCE_TURNS = 2

/**
 * Write buffer of a connection. It joins all that is sent during one event into one write to the socket. Small chunks that may
 * coalesce wait two more turns of the event loop, since an engine delivers the last rows and its status one after the other.
 */
export class WriteBatcher {
  readonly #socket: Socket
  #chunks: Uint8Array[] = []
  #byteLength = 0
  #onTaken: (() => void)[] = []
  #isScheduled = false
  #turnsLeft = 0
  readonly #flush = () => this.flush()
  readonly #schedule = () => process.nextTick(this.#flush)
  readonly #turn = () => {
    if (this.#turnsLeft === 0) return
    this.#turnsLeft--
    if (this.#turnsLeft === 0) this.flush()
    else setImmediate(this.#turn)
  }

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether the unsent bytes exceed 1 MiB; streams send no DATA then. */
  get isCongested(): boolean {
    return this.#unsent > CONGESTED_BYTES
  }

  /** Whether the peer has stopped reading: even the bound on control frames is exceeded. */
  get isStuck(): boolean {
    return this.#unsent > CONGESTED_BYTES + MAX_WAITING_BYTES
  }

  /**
   * @param onTaken called once when the socket has taken these bytes and all before them, or has been closed
   * @param mayCoalesce whether up to 16 KiB may wait for more
   */
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce = false): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk)
      this.#byteLength += chunk.byteLength
    }
    if (onTaken) this.#onTaken.push(onTaken)
    if (this.#isScheduled) return
    if (mayCoalesce && this.#byteLength <= JOINED_BYTES) {
      if (this.#turnsLeft === 0) setImmediate(this.#turn)
      this.#turnsLeft = COALESCE_TURNS
      return
    }
    this.#isScheduled = true
    // Run after the microtasks that are ready now: they may send more.
    queueMicrotask(this.#schedule)
  }

  /** Calls back once when the socket has taken all bytes, or has been closed; until then it may still read them. */
  whenTaken(onTaken: () => void): void {
    const socket = this.#socket
    if (this.#chunks.length > 0) this.#onTaken.push(onTaken)
    else if (socket.closed || socket.writableLength === 0) onTaken()
    else if (socket.destroyed || socket.writableEnded) socket.once('close', onTaken)
    else socket.write(nothing, onTaken)
  }

  /** Writes the buffered chunks to the socket. */
  flush(): void {
    this.#isScheduled = false
    this.#turnsLeft = 0
    const chunks = this.#chunks
    const onTaken = this.#onTaken
    const byteLength = this.#byteLength
    if (chunks.length === 0 && onTaken.length === 0) return
    this.#chunks = []
    this.#onTaken = []
    this.#byteLength = 0
    const socket = this.#socket
    const done = onTaken.length === 0 ? undefined : () => callAll(onTaken)
    if (chunks.length === 0 || socket.destroyed) {
      if (done) this.whenTaken(done)
    } else if (chunks.length === 1 || byteLength <= JOINED_BYTES || byteLength < chunks.length * SMALL_CHUNK_BYTES)
      socket.write(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, byteLength), done)
    else {
      socket.cork()
      const last = chunks.length - 1
      for (let i = 0; i < last; i++) socket.write(chunks[i]!)
      socket.write(chunks[last]!, done)
      socket.uncork()
    }
  }

  get #unsent(): number {
    return this.#byteLength + this.#socket.writableLength
  }
}

function callAll(callbacks: readonly (() => void)[]): void {
  for (const callback of callbacks) callback()
}
