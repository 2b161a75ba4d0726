import { BadValue } from '../bad-value.ts'
import type { BodyLayout } from './body-layout.ts'
import { grown, grownWords, ScalarColumn } from './column.ts'

/** Writes the value of a text into words of 32 bits. @throws BadValue */
export type WriteValue = (words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number) => void

/** A column of values of one or more words of 32 bits. */
export class FixedColumn extends ScalarColumn {
  readonly bytesPerRow: number
  readonly #width: number
  readonly #write: WriteValue
  #words = new Int32Array(0)

  /** @param width words of a value */
  constructor(width: number, write: WriteValue) {
    super()
    this.#width = width
    this.#write = write
    this.bytesPerRow = 4 * width
  }

  get byteLength(): number {
    return this.rows * this.bytesPerRow
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    const at = this.#room()
    this.#write(this.#words, at, bytes, from, to)
    this.addValid()
  }

  appendNull(): void {
    const at = this.#room()
    this.#words.fill(0, at, at + this.#width)
    this.addNull()
  }

  protected addBuffers(layout: BodyLayout): void {
    layout.buffer(new Uint8Array(this.#words.buffer, 0, this.byteLength))
  }

  protected clear(): void {}

  /** Makes room for a row. @returns its first word */
  #room(): number {
    const at = this.rows * this.#width
    if (at + this.#width > this.#words.length) this.#words = grownWords(this.#words, at + this.#width)
    return at
  }
}

const TRUE = [116, 114, 117, 101]
const FALSE = [102, 97, 108, 115, 101]

/** A column of booleans. */
export class BoolColumn extends ScalarColumn {
  readonly bytesPerRow = 1 / 8
  #bits = new Uint8Array(0)

  get byteLength(): number {
    return (this.rows + 7) >> 3
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    this.#add(parseBool(bytes, from, to))
    this.addValid()
  }

  appendNull(): void {
    this.#add(false)
    this.addNull()
  }

  protected addBuffers(layout: BodyLayout): void {
    layout.buffer(this.#bits.subarray(0, this.byteLength))
  }

  protected clear(): void {
    this.#bits.fill(0)
  }

  #add(value: boolean): void {
    const at = this.rows >> 3
    if (at >= this.#bits.length) this.#bits = grown(this.#bits, at + 1)
    if (value) this.#bits[at]! |= 1 << (this.rows & 7)
  }
}

function parseBool(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from === 4 && TRUE.every((letter, i) => (bytes[from + i]! | 32) === letter)) return true
  if (to - from === 5 && FALSE.every((letter, i) => (bytes[from + i]! | 32) === letter)) return false
  throw new BadValue('is not a BOOL')
}
