const SMALLEST_BYTES = 4096

/** Buffers of a few sizes kept for reuse: a fresh multi-megabyte buffer costs its page faults every time. */
export class BodyPool {
  readonly #free = new Map<number, Uint8Array<ArrayBuffer>[]>()
  readonly #maxHeldBytes: number
  #heldBytes = 0

  constructor(maxHeldBytes: number) {
    this.#maxHeldBytes = maxHeldBytes
  }

  /** A buffer of at least so many bytes; what it holds is undefined. */
  readonly take = (bytes: number): Uint8Array<ArrayBuffer> => {
    const size = sizeClass(bytes)
    const reused = this.#free.get(size)?.pop()
    if (reused) {
      this.#heldBytes -= size
      return reused
    }
    return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer as ArrayBuffer)
  }

  /** Takes a buffer back. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength
    if (size < SMALLEST_BYTES || size !== sizeClass(size) || this.#heldBytes + size > this.#maxHeldBytes) return
    const list = this.#free.get(size) ?? []
    list.push(new Uint8Array(buffer))
    this.#free.set(size, list)
    this.#heldBytes += size
  }
}

/** Powers of two and their midpoints. */
function sizeClass(bytes: number): number {
  let size = SMALLEST_BYTES
  while (size < bytes) {
    if (size + size / 2 >= bytes) return size + size / 2
    size *= 2
  }
  return size
}
