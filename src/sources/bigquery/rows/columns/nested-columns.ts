import { BadValue } from '../bad-value.ts'
import { CLOSE_LIST, COMMA, type JsonCursor, malformed, OPEN_LIST, OPEN_OBJECT } from '../json-cursor.ts'
import { enterMember, leaveMember } from '../members.ts'
import { asciiText } from '../values/ascii-text.ts'
import type { BodyLayout } from './body-layout.ts'
import { Column, grownWords, ScalarColumn } from './column.ts'

const LETTER_F = 102
const LETTER_V = 118
const SPACE = 32
const OPEN_BOUNDS = 91 // [
const CLOSE_BOUNDS = 41 // )
const UNBOUNDED = 'UNBOUNDED'

/** A column of a struct, or of the rows themselves. */
export interface NamedColumn {
  readonly name: string
  readonly column: Column
}

/**
 * Reads the cells of a row or a struct, `{"f":[{"v":...},...]}`, one for each column.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults, `rows`.
 * @throws BadValue that names the column
 */
export function readCells(cursor: JsonCursor, columns: readonly NamedColumn[]): void {
  if (!enterMember(cursor, LETTER_F)) throw malformed()
  cursor.expect(OPEN_LIST)
  for (let i = 0; i < columns.length; i++) {
    if (i > 0 && !cursor.take(COMMA)) throw wrongCount()
    const { name, column } = columns[i]!
    try {
      readCell(cursor, column)
    } catch (error) {
      if (error instanceof BadValue) error.path.unshift(name)
      throw error
    }
  }
  if (!cursor.take(CLOSE_LIST)) throw wrongCount()
  leaveMember(cursor, LETTER_F)
}

/** Reads a cell, `{"v":...}`; one without a value is NULL. */
function readCell(cursor: JsonCursor, column: Column): void {
  if (!enterMember(cursor, LETTER_V)) {
    column.appendNull()
    return
  }
  column.read(cursor)
  leaveMember(cursor, LETTER_V)
}

function wrongCount(): BadValue {
  return new BadValue('has not as many values as the schema has columns')
}

/** A column of STRUCTs. */
export class StructColumn extends Column {
  readonly bytesPerRow: number
  readonly #members: readonly NamedColumn[]

  constructor(members: readonly NamedColumn[]) {
    super()
    this.#members = members
    this.bytesPerRow = sumOf(members, (column) => column.bytesPerRow)
  }

  get byteLength(): number {
    return sumOf(this.#members, (column) => column.byteLength)
  }

  read(cursor: JsonCursor): void {
    if (cursor.peek() === OPEN_OBJECT) {
      readCells(cursor, this.#members)
      this.addValid()
    } else if (cursor.takeNull()) this.appendNull()
    else throw new BadValue('is not a STRUCT')
  }

  appendNull(): void {
    for (const { column } of this.#members) column.appendNull()
    this.addNull()
  }

  protected addBuffers(layout: BodyLayout): void {
    for (const { column } of this.#members) column.addTo(layout)
  }

  protected clear(): void {
    for (const { column } of this.#members) column.reset()
  }
}

/** A column of ARRAYs. NULL is an empty array, as in BigQuery's own results. */
export class ListColumn extends Column {
  readonly bytesPerRow = 4
  readonly #items: Column
  #ends = new Int32Array(1)

  constructor(items: Column) {
    super()
    this.#items = items
  }

  get byteLength(): number {
    return 4 * this.rows + this.#items.byteLength
  }

  read(cursor: JsonCursor): void {
    if (cursor.peek() === OPEN_LIST) {
      cursor.at++
      if (!cursor.take(CLOSE_LIST)) {
        do readCell(cursor, this.#items)
        while (cursor.take(COMMA))
        cursor.expect(CLOSE_LIST)
      }
    } else if (!cursor.takeNull()) throw new BadValue('is not an ARRAY')
    this.#endArray()
  }

  appendNull(): void {
    this.#endArray()
  }

  #endArray(): void {
    const at = this.rows + 1
    if (at >= this.#ends.length) this.#ends = grownWords(this.#ends, at + 1)
    this.#ends[at] = this.#items.rows
    this.addValid()
  }

  protected addBuffers(layout: BodyLayout): void {
    layout.buffer(new Uint8Array(this.#ends.buffer, 0, 4 * (this.rows + 1)))
    this.#items.addTo(layout)
  }

  protected clear(): void {
    this.#items.reset()
  }
}

/** A column of RANGEs, which REST sends as `[start, end)`, with UNBOUNDED for a missing bound. */
export class RangeColumn extends ScalarColumn {
  readonly bytesPerRow: number
  readonly #start: ScalarColumn
  readonly #end: ScalarColumn

  constructor(start: ScalarColumn, end: ScalarColumn) {
    super()
    this.#start = start
    this.#end = end
    this.bytesPerRow = start.bytesPerRow + end.bytesPerRow
  }

  get byteLength(): number {
    return this.#start.byteLength + this.#end.byteLength
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    const comma = bytes.indexOf(COMMA, from)
    const isRange = bytes[from] === OPEN_BOUNDS && bytes[to - 1] === CLOSE_BOUNDS && comma >= 0 && comma < to
    if (!isRange) throw new BadValue('is not a RANGE')
    appendBound(this.#start, bytes, from + 1, comma)
    appendBound(this.#end, bytes, bytes[comma + 1] === SPACE ? comma + 2 : comma + 1, to - 1)
    this.addValid()
  }

  appendNull(): void {
    this.#start.appendNull()
    this.#end.appendNull()
    this.addNull()
  }

  protected addBuffers(layout: BodyLayout): void {
    this.#start.addTo(layout)
    this.#end.addTo(layout)
  }

  protected clear(): void {
    this.#start.reset()
    this.#end.reset()
  }
}

function appendBound(column: ScalarColumn, bytes: Uint8Array, from: number, to: number): void {
  if (isUnbounded(bytes, from, to)) column.appendNull()
  else column.append(bytes, from, to)
}

function isUnbounded(bytes: Uint8Array, from: number, to: number): boolean {
  const text = to - from <= UNBOUNDED.length ? asciiText(bytes, from, to).toUpperCase() : ''
  return text === UNBOUNDED || text === 'NULL'
}

export function sumOf(columns: readonly NamedColumn[], size: (column: Column) => number): number {
  let sum = 0
  for (const { column } of columns) sum += size(column)
  return sum
}
