import { type JsonCursor, QUOTE } from '../json-cursor.ts'
import type { BodyLayout } from './body-layout.ts'

const none = new Uint8Array(0)
const MIN_ROWS = 1024

/** The values of one node of a record batch, which grow row by row. Its memory is used again for the next batch. */
export abstract class Column {
  rows = 0
  #nulls = 0
  /** One bit a row, set if the row is not null; empty until the first null. */
  #valid: Uint8Array = none

  /** Bytes that a row takes at least. */
  abstract readonly bytesPerRow: number
  /** Bytes of the values so far. */
  abstract get byteLength(): number
  /** Appends the JSON value at the cursor. @throws BadValue */
  abstract read(cursor: JsonCursor): void
  abstract appendNull(): void
  protected abstract addBuffers(layout: BodyLayout): void
  protected abstract clear(): void

  /** Adds the column's nodes and buffers. */
  addTo(layout: BodyLayout): void {
    layout.node(this.rows, this.#nulls)
    layout.buffer(this.#nulls > 0 ? this.#valid.subarray(0, (this.rows + 7) >> 3) : none)
    this.addBuffers(layout)
  }

  /** Removes all values. */
  reset(): void {
    this.rows = 0
    if (this.#nulls > 0) this.#valid.fill(0)
    this.#nulls = 0
    this.clear()
  }

  /** Counts a row that is not null. */
  protected addValid(): void {
    const row = this.rows++
    if (this.#nulls > 0) this.#bits(row)[row >> 3]! |= 1 << (row & 7)
  }

  /** Counts a row that is null. */
  protected addNull(): void {
    const row = this.rows++
    if (this.#nulls++ === 0) setOnes(this.#bits(row), row)
    else this.#bits(row)
  }

  /** The bitmap, with room for a row. */
  #bits(row: number): Uint8Array {
    if (row >> 3 >= this.#valid.length) this.#valid = grown(this.#valid, (row >> 3) + 1)
    return this.#valid
  }
}

/** A column whose values REST sends as texts. */
export abstract class ScalarColumn extends Column {
  /** Appends the value of a text. @throws BadValue */
  abstract append(bytes: Uint8Array, from: number, to: number): void

  override read(cursor: JsonCursor): void {
    if (cursor.peek() === QUOTE) cursor.string()
    else if (cursor.takeNull()) {
      this.appendNull()
      return
    }
    // BigQuery sends all values as texts, other servers also numbers and booleans.
    else cursor.literal()
    this.append(cursor.source, cursor.from, cursor.to)
  }
}

/** Sets the first bits. @param bits all zero */
function setOnes(bits: Uint8Array, count: number): void {
  bits.fill(255, 0, count >> 3)
  if (count & 7) bits[count >> 3] = (1 << (count & 7)) - 1
}

/** A copy with at least twice the room, the rest zero. */
export function grown(bytes: Uint8Array, minBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(2 * bytes.length, minBytes, MIN_ROWS / 8))
  larger.set(bytes)
  return larger
}

/** As `grown`, for words of 32 bits. */
export function grownWords(words: Int32Array, minWords: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(2 * words.length, minWords, MIN_ROWS))
  larger.set(words)
  return larger
}
