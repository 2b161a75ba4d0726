import type { Socket } from 'node:net'

/** Up to here one write of a copy costs less than a list of writes. */
const JOINED_BYTES = 16 << 10
/** Beyond this much that the socket has not taken, no more DATA is given to it. */
const CONGESTED_BYTES = 1 << 20
/** Acknowledgements and the like that may wait, beyond that, for a peer that reads nothing. */
const MAX_WAITING_BYTES = 2 << 20

/** What a connection has to say. What is said while one event is handled goes to the socket in one write. */
export class Outbox {
  readonly #socket: Socket
  #chunks: Uint8Array[] = []
  #byteLength = 0
  #onTaken: (() => void)[] = []
  #isScheduled = false
  readonly #flush = () => this.flush()
  readonly #schedule = () => process.nextTick(this.#flush)

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

  /** @param onTaken called once when the socket has taken these bytes and all before them, or never will */
  send(chunks: readonly Uint8Array[], onTaken?: () => void): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk)
      this.#byteLength += chunk.byteLength
    }
    if (onTaken) this.#onTaken.push(onTaken)
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Behind all that is ready to run, which may have more to say.
    queueMicrotask(this.#schedule)
  }

  /** Hands what waits to the socket. */
  flush(): void {
    this.#isScheduled = false
    const chunks = this.#chunks
    const onTaken = this.#onTaken
    const byteLength = this.#byteLength
    if (chunks.length === 0) return
    this.#chunks = []
    this.#onTaken = []
    this.#byteLength = 0
    const socket = this.#socket
    const done = onTaken.length === 0 ? undefined : () => callAll(onTaken)
    if (socket.destroyed) done?.()
    else if (chunks.length === 1 || byteLength <= JOINED_BYTES)
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
