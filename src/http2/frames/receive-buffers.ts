/** Size of a receive buffer, in bytes: the most that one read returns. Two of them fit into a core's cache. */
export const BUFFER_BYTES = 128 << 10
/** A buffer with less room is full: small reads cost as much as large ones. */
const MIN_ROOM_BYTES = 16 << 10
const MAX_FREE = 64

/** A pooled receive buffer, with a reference count. Fresh memory would cost page faults, as much as copying. */
export class ReceiveBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #holders = 0

  /** Keeps the buffer from being reused until each `hold` has its `release`. */
  hold(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders === 0 && free.length < MAX_FREE) free.push(this)
  }
}

const free: ReceiveBuffer[] = []

/** The receive buffers of a connection, filled one after the other. */
export class ReceiveBuffers {
  #current = take()
  #filled = 0

  /** The buffer that reads fill now. */
  get current(): ReceiveBuffer {
    return this.#current
  }

  /** The free part of it, for the next read. */
  room(): Buffer {
    return this.#filled === 0 ? this.#current.bytes : this.#current.bytes.subarray(this.#filled)
  }

  /** Counts bytes as read. @returns their offset in the current buffer */
  filled(count: number): number {
    const from = this.#filled
    this.#filled += count
    return from
  }

  /** Takes the next buffer if this one is full. Listeners that need its bytes must hold it by now. */
  advance(): void {
    if (BUFFER_BYTES - this.#filled >= MIN_ROOM_BYTES) return
    this.#current.release()
    this.#current = take()
    this.#filled = 0
  }

  /** Releases the current buffer, after the connection has ended. */
  close(): void {
    this.#current.release()
  }
}

function take(): ReceiveBuffer {
  const buffer = free.pop() ?? new ReceiveBuffer()
  buffer.hold()
  return buffer
}
