import { type Address, addressOf, memcpy } from '../native/library.ts'

/** Bytes of a decimal in Arrow: 128 bits. */
export const DECIMAL_BYTES = 16
const WORDS = DECIMAL_BYTES / 4

/** Widens DuckDB's decimals of 16, 32 or 64 bits to Arrow's 128. */
export class DecimalWidener {
  #bytes = new ArrayBuffer(64 << 10)
  #address: Address = addressOf(new Uint8Array(this.#bytes))

  /** Widens `count` decimals of `width` bytes at `from`, and writes them to `body` at byte `to`. */
  widen(body: Uint8Array, to: number, from: Address, count: number, width: number): void {
    if (this.#bytes.byteLength < count * width) {
      this.#bytes = new ArrayBuffer(2 * count * width)
      this.#address = addressOf(new Uint8Array(this.#bytes))
    }
    memcpy(this.#address, from, count * width)
    const target = new Int32Array(body.buffer, body.byteOffset + to, WORDS * count)
    if (width === 8) widen64(target, new Int32Array(this.#bytes, 0, 2 * count))
    else if (width === 4) widenShort(target, new Int32Array(this.#bytes, 0, count))
    else widenShort(target, new Int16Array(this.#bytes, 0, count))
  }
}

function widen64(target: Int32Array, source: Int32Array): void {
  for (let i = 0, at = 0; i < source.length; i += 2, at += WORDS) {
    const high = source[i + 1]!
    const sign = high >> 31
    target[at] = source[i]!
    target[at + 1] = high
    target[at + 2] = sign
    target[at + 3] = sign
  }
}

function widenShort(target: Int32Array, source: Int32Array | Int16Array): void {
  for (let i = 0, at = 0; i < source.length; i++, at += WORDS) {
    const value = source[i]!
    const sign = value >> 31
    target[at] = value
    target[at + 1] = sign
    target[at + 2] = sign
    target[at + 3] = sign
  }
}
