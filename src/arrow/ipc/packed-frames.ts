import type { Frame } from './frame.ts'

/** Before each frame: its length in 4 bytes, and its rows as a double, since runs and nulls may be more than 32 bits can count. */
const HEAD_BYTES = 12

/** Frames gathered into one block of bytes, as far as a limit allows; what is added is copied. */
export class FramePacker {
  readonly #maxBytes: number
  readonly #parts: Uint8Array[] = []
  #byteLength = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Adds a frame, which stays the caller's; false when there is no room for it, and then never again. */
  add({ chunks, byteLength, rows }: Frame): boolean {
    this.#byteLength += HEAD_BYTES + byteLength
    if (this.#byteLength > this.#maxBytes) {
      this.#parts.length = 0
      return false
    }
    const head = Buffer.allocUnsafe(HEAD_BYTES)
    head.writeUInt32LE(byteLength)
    head.writeDoubleLE(rows, 4)
    this.#parts.push(head, ...chunks.map((chunk) => Uint8Array.prototype.slice.call(chunk)))
    return true
  }

  /** The frames so far as one block. */
  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** The frames of a block, in order, as views of it. */
export function unpackFrames(packed: Uint8Array): Frame[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const byteLength = bytes.readUInt32LE(at)
    const rows = bytes.readDoubleLE(at + 4)
    at += HEAD_BYTES
    frames.push({ chunks: [bytes.subarray(at, at + byteLength)], byteLength, rows })
    at += byteLength
  }
  return frames
}
