import type { Data, Table } from 'apache-arrow'
import { isSet } from '../../arrow/batches/bitmaps.ts'

/** A column of texts, read in place. */
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

  /** Whether a row (not the first) has the same text as the row before. */
  repeats(row: number): boolean {
    const previousStart = this.start(row - 1)
    const thisStart = this.start(row)
    const length = thisStart - previousStart
    if (this.end(row) - thisStart !== length) return false
    for (let i = length - 1; i >= 0; i--) if (this.bytes[previousStart + i] !== this.bytes[thisStart + i]) return false
    return true
  }
}

/** A column of booleans; null counts as false. */
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
