/** Read from the socket at a time at most; two of them stay in a core's cache. */
export const BUFFER_BYTES = 128 << 10
/** With less than this left a buffer is full: small reads cost as much as large ones. */
const MIN_ROOM_BYTES = 16 << 10
const MAX_FREE = 64

/** Memory that is read into, over and over: fresh memory costs page faults, as much as copying does. */
export class ReceiveBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #holders = 0

  /** Keeps what has been read from being overwritten until it is released as often as it was held. */
  hold(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders === 0 && free.length < MAX_FREE) free.push(this)
  }
}

const free: ReceiveBuffer[] = []

/** Where a connection's next bytes go: one buffer after another is filled. */
export class ReceiveBuffers {
  #current = take()
  #filled = 0

  /** The buffer that is being filled. */
  get current(): ReceiveBuffer {
    return this.#current
  }

  /** The part of it that the next read may fill. */
  room(): Buffer {
    return this.#filled === 0 ? this.#current.bytes : this.#current.bytes.subarray(this.#filled)
  }

  /** Counts bytes as read; they start at the offset that is answered with. */
  filled(count: number): number {
    const from = this.#filled
    this.#filled += count
    return from
  }

  /** Goes on to the next buffer where this one is full; what was read of it must be held by now, if it is needed. */
  turn(): void {
    if (BUFFER_BYTES - this.#filled >= MIN_ROOM_BYTES) return
    this.#current.release()
    this.#current = take()
    this.#filled = 0
  }

  /** The connection has ended. */
  close(): void {
    this.#current.release()
  }
}

function take(): ReceiveBuffer {
  const buffer = free.pop() ?? new ReceiveBuffer()
  buffer.hold()
  return buffer
}
