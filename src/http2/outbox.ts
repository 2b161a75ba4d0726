import type { Socket } from 'node:net'

/** Up to here one write of a copy costs less than a list of writes. */
const JOINED_BYTES = 16 << 10
/** Beyond this much that the socket has not taken, no more DATA is given to it. */
const CONGESTED_BYTES = 1 << 20
/** Acknowledgements and the like that wait for a peer that reads nothing. */
const MAX_UNSENT_BYTES = 16 << 20

/** What a connection has to say, on its way to the socket. */
export class Outbox {
  readonly #socket: Socket
  #held: Uint8Array[] | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether the socket has more to send than it should. */
  get isCongested(): boolean {
    return this.#socket.writableLength > CONGESTED_BYTES
  }

  /** Whether the peer has stopped reading what cannot wait. */
  get isStuck(): boolean {
    return this.#socket.writableLength > MAX_UNSENT_BYTES
  }

  send(chunks: readonly Uint8Array[]): void {
    if (this.#held) {
      this.#held.push(...chunks)
      return
    }
    const socket = this.#socket
    if (socket.destroyed || chunks.length === 0) return
    const byteLength = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    if (chunks.length === 1 || byteLength <= JOINED_BYTES) {
      socket.write(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, byteLength))
      return
    }
    socket.cork()
    for (const chunk of chunks) socket.write(chunk)
    socket.uncork()
  }

  /** Sends together what is sent during the call. */
  together(act: () => void): void {
    const held: Uint8Array[] = []
    this.#held = held
    act()
    this.#held = undefined
    this.send(held)
  }
}
