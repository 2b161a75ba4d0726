import type { Data, Table } from 'apache-arrow'
import { isSet } from '../../arrow/batches/bitmaps.ts'

/** A column of texts, read where they lie. */
export class TextColumn {
  readonly bytes: Buffer
  readonly #data: Data
  readonly #offsets: Int32Array

  constructor(table: Table, index: number) {
    this.#data = dataOf(table, index)
    const { buffer, byteOffset, byteLength } = this.#data.values as Uint8Array
    this.bytes = Buffer.from(buffer, byteOffset, byteLength)
    this.#offsets = this.#data.valueOffsets
  }

  isNull(row: number): boolean {
    return isNull(this.#data, row)
  }

  start(row: number): number {
    return this.#offsets[row]!
  }

  end(row: number): number {
    return this.#offsets[row + 1]!
  }

  at(row: number): string {
    return this.bytes.toString('utf8', this.start(row), this.end(row))
  }

  /** Whether a row, which is not the first, has the text of the one before. */
  repeats(row: number): boolean {
    const before = this.start(row - 1)
    const from = this.start(row)
    const length = from - before
    if (this.end(row) - from !== length) return false
    for (let i = length - 1; i >= 0; i--) if (this.bytes[before + i] !== this.bytes[from + i]) return false
    return true
  }
}

/** A column of truth values; null counts as false. */
export class FlagColumn {
  readonly #data: Data

  constructor(table: Table, index: number) {
    this.#data = dataOf(table, index)
  }

  at(row: number): boolean {
    return !isNull(this.#data, row) && isSet(this.#data.values, row)
  }
}

function dataOf(table: Table, index: number): Data {
  return table.getChildAt(index)!.data[0]!
}

function isNull({ nullCount, nullBitmap }: Data, row: number): boolean {
  return nullCount > 0 && !isSet(nullBitmap, row)
}
