import type { Frame } from '../../arrow/ipc/frame.ts'

/** Header of each frame: its length in 4 bytes, and its rows as a double. */
const HEAD_BYTES = 12

/** A frame as bytes that follow each other, without a copy of its own bytes. */
export function packedFrame({ chunks, byteLength, rows }: Pick<Frame, 'chunks' | 'byteLength' | 'rows'>): Uint8Array[] {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt32LE(byteLength)
  head.writeDoubleLE(rows, 4)
  return [head, ...chunks]
}

/** Length of a packed frame, in bytes. */
export function packedLength({ byteLength }: Pick<Frame, 'byteLength'>): number {
  return HEAD_BYTES + byteLength
}

/** Puts frames together again from bytes that were cut anywhere. The frames are views of these bytes. */
export class FrameAssembler {
  readonly #head = Buffer.alloc(HEAD_BYTES)
  #headBytes = 0
  #chunks: Uint8Array[] = []
  #missingBytes = 0

  /** Whether all frames so far are whole. */
  get isWhole(): boolean {
    return this.#headBytes === 0
  }

  /** The frames that are whole with these bytes. */
  push(bytes: Buffer): Frame[] {
    const frames: Frame[] = []
    let at = 0
    for (;;) {
      if (this.#headBytes < HEAD_BYTES) {
        const taken = bytes.copy(this.#head, this.#headBytes, at)
        this.#headBytes += taken
        at += taken
        if (this.#headBytes < HEAD_BYTES) return frames
        this.#missingBytes = this.#head.readUInt32LE()
      }
      const part = bytes.subarray(at, at + this.#missingBytes)
      if (part.byteLength > 0) this.#chunks.push(part)
      at += part.byteLength
      this.#missingBytes -= part.byteLength
      if (this.#missingBytes > 0) return frames
      frames.push({ chunks: this.#chunks, byteLength: this.#head.readUInt32LE(), rows: this.#head.readDoubleLE(4) })
      this.#chunks = []
      this.#headBytes = 0
    }
  }
}
