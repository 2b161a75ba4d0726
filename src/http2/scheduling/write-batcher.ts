import type { Socket } from 'node:net'

/** Up to here one write of a copy costs less than a list of writes. */
const JOINED_BYTES = 16 << 10
/** Many chunks of this size on average cost less as one copy, too. */
const SMALL_CHUNK_BYTES = 256
/** Beyond this much that the socket has not taken, no more DATA is given to it. */
const CONGESTED_BYTES = 1 << 20
/** Acknowledgements and the like that may wait, beyond that, for a peer that reads nothing. */
const MAX_WAITING_BYTES = 2 << 20

const nothing = new Uint8Array(0)
/** How long what may linger does, in turns of the event loop: until it has been looked whether more has come to go with it. */
const LINGER_TURNS = 2

/**
 * What a connection has to say. What is said while one event is handled goes to the socket in one write; what may linger waits a
 * moment for what comes next: an engine gives the last rows and its status one after the other.
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

  /** Whether the socket has more to send than it should. */
  get isCongested(): boolean {
    return this.#unsent > CONGESTED_BYTES
  }

  /** Whether the peer has stopped reading even what cannot wait. */
  get isStuck(): boolean {
    return this.#unsent > CONGESTED_BYTES + MAX_WAITING_BYTES
  }

  /**
   * @param onTaken called once when the socket has taken these bytes and all before them, or never will
   * @param mayLinger whether a little may wait a moment for more
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
      this.#turnsLeft = LINGER_TURNS
      return
    }
    this.#isScheduled = true
    // Behind all that is ready to run, which may have more to say.
    queueMicrotask(this.#schedule)
  }

  /** Calls back once when the socket has taken all that it was given, or never will: until then it may read those bytes. */
  whenTaken(onTaken: () => void): void {
    const socket = this.#socket
    if (this.#chunks.length > 0) this.#onTaken.push(onTaken)
    else if (socket.closed || socket.writableLength === 0) onTaken()
    else if (socket.destroyed || socket.writableEnded) socket.once('close', onTaken)
    else socket.write(nothing, onTaken)
  }

  /** Hands what waits to the socket. */
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
