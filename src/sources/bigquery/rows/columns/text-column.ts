import { decodeBase64, maxDecodedBytes } from '../values/base64.ts'
import type { BodyLayout } from './body-layout.ts'
import { grown, grownWords, ScalarColumn } from './column.ts'

/** Texts up to this are copied byte by byte, which costs less than a call. */
const MAX_SHORT_BYTES = 24

/** A column of values of variable length, with offsets of 32 bits. */
abstract class VariableColumn extends ScalarColumn {
  readonly bytesPerRow = 4
  protected data: Uint8Array = new Uint8Array(0)
  /** Bytes of `data` in use. */
  protected end = 0
  #ends = new Int32Array(1)

  get byteLength(): number {
    return 4 * this.rows + this.end
  }

  appendNull(): void {
    this.endValue(this.end)
    this.addNull()
  }

  protected addBuffers(layout: BodyLayout): void {
    layout.buffer(new Uint8Array(this.#ends.buffer, 0, 4 * (this.rows + 1)))
    layout.buffer(this.data.subarray(0, this.end))
  }

  protected clear(): void {
    this.end = 0
  }

  protected room(byteLength: number): void {
    if (this.end + byteLength > this.data.length) this.data = grown(this.data, this.end + byteLength)
  }

  /** Ends the value of the present row. */
  protected endValue(end: number): void {
    const at = this.rows + 1
    if (at >= this.#ends.length) this.#ends = grownWords(this.#ends, at + 1)
    this.#ends[at] = end
    this.end = end
  }
}

/** A column of texts. */
export class TextColumn extends VariableColumn {
  append(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from
    this.room(length)
    const { data, end } = this
    if (length > MAX_SHORT_BYTES) data.set(bytes.subarray(from, to), end)
    else for (let i = 0; i < length; i++) data[end + i] = bytes[from + i]!
    this.endValue(end + length)
    this.addValid()
  }
}

/** A column of bytes, which REST sends as base64. */
export class BytesColumn extends VariableColumn {
  append(bytes: Uint8Array, from: number, to: number): void {
    this.room(maxDecodedBytes(to - from))
    this.endValue(decodeBase64(bytes, from, to, this.data, this.end))
    this.addValid()
  }
}
