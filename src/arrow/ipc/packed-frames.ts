import type { Frame } from './frame.ts'

/** Header of each frame: its length in 4 bytes, and its rows as a double, since run-end and null columns may exceed 32 bits. */
const HEAD_BYTES = 12

/** Copies frames into one block of bytes, up to a limit. */
export class FramePacker {
  readonly #maxBytes: number
  readonly #parts: Uint8Array[] = []
  #byteLength = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Copies a frame; the caller keeps it. @returns false once the limit is exceeded: the packer is empty then, and stays so */
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

  /** Returns the frames added so far as one block. */
  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** Returns the frames of a block in order, as views of it. */
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
