import type { Frame } from '../../arrow/ipc/frame.ts'
import { columnsOf, createRowEncoder, type RowEncoder, type TextColumn } from '../../arrow/text/row-encoder.ts'
import { readCsvRows } from './csv-rows.ts'

/** The terminal's user asked for the row, and memory is the only limit. */
const MAX_ROW_BYTES = 2 ** 30
const CHUNK_ROWS = 65_536
const none = new Uint8Array(0)

/** Converts frames to text, one at a time. */
export interface RowWriter {
  /** Returns the text before the first batch. @param schema first frame of the result */
  begin(schema: Frame): Uint8Array
  batch(frame: Frame): AsyncIterable<Uint8Array>
  /** Returns the text after the last batch. */
  end(): Uint8Array
}

/** Rows as CSV by RFC 4180, as JSON objects in lines, or as one JSON array. */
export class EncodedWriter implements RowWriter {
  readonly #format: 'csv' | 'ndjson' | 'json'
  #encoder: RowEncoder | undefined

  constructor(format: 'csv' | 'ndjson' | 'json') {
    this.#format = format
  }

  begin(schema: Frame): Uint8Array {
    this.#encoder = createRowEncoder(this.#format, schema, { chunkRows: CHUNK_ROWS, maxRowBytes: MAX_ROW_BYTES })
    return this.#encoder.begin()
  }

  async *batch(frame: Frame): AsyncGenerator<Uint8Array> {
    for await (const { bytes } of this.#encoder!.batch(frame)) yield bytes
  }

  end(): Uint8Array {
    const end = this.#encoder?.end() ?? none
    return this.#format === 'json' ? Buffer.concat([end, Buffer.from('\n')]) : end
  }
}

const NULL_TEXT = 'NULL'

/** An aligned table of the first rows, as wide as the terminal. */
export class TableWriter implements RowWriter {
  readonly #maxRows: number
  readonly #width: number
  #encoder: RowEncoder | undefined
  #columns: readonly TextColumn[] = []
  readonly #rows: string[][] = []
  #total = 0

  constructor(maxRows: number, width: number) {
    this.#maxRows = maxRows
    this.#width = width
  }

  begin(schema: Frame): Uint8Array {
    this.#columns = columnsOf(schema)
    this.#encoder = createRowEncoder('csv', schema, { chunkRows: this.#maxRows || 1, maxRowBytes: MAX_ROW_BYTES })
    return none
  }

  async *batch(frame: Frame): AsyncGenerator<Uint8Array> {
    this.#total += frame.rows
    // Dictionaries have no rows, but later rows need them.
    if (this.#rows.length >= this.#maxRows && frame.rows > 0) return
    let pieces: Uint8Array[] = []
    for await (const { bytes, rows } of this.#encoder!.batch(frame)) {
      pieces.push(bytes)
      // The next piece goes on with the row.
      if (rows === 0) continue
      for (const fields of readCsvRows(Buffer.concat(pieces).toString(), this.#columns.length))
        if (this.#rows.length < this.#maxRows)
          this.#rows.push(fields.map((field) => field?.replace(/[\r\n\t]/g, ' ') ?? NULL_TEXT))
      pieces = []
      if (this.#rows.length >= this.#maxRows) break
    }
    yield none
  }

  end(): Uint8Array {
    const columns = this.#columns
    const numeric = columns.map(({ type }) => /^(u?int|halffloat|float|double|decimal)/.test(type))
    const natural = columns.map(({ name }, i) => Math.max(name.length, ...this.#rows.map((row) => row[i]!.length)))
    const widths = fitWidths(natural, this.#width)
    const line = (cells: readonly string[]) =>
      cells
        .map((cell, i) => {
          const text = cell.length > widths[i]! ? `${cell.slice(0, widths[i]! - 1)}…` : cell
          return numeric[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)
        })
        .join('  ')
        .trimEnd()
    const shown = this.#rows.length < this.#total ? ` (first ${this.#rows.length} shown)` : ''
    const lines = [
      line(columns.map(({ name }) => name)),
      widths.map((width) => '─'.repeat(width)).join('  '),
      ...this.#rows.map(line),
      `${this.#total} row${this.#total === 1 ? '' : 's'}${shown}`,
      '',
    ]
    return Buffer.from(lines.join('\n'))
  }
}

const SMALLEST_COLUMN = 8

/** Narrows the widest columns until the line fits. */
function fitWidths(natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  const gaps = 2 * Math.max(0, widths.length - 1)
  for (let excess = widths.reduce((sum, each) => sum + each, gaps) - width; excess > 0; excess--) {
    const widest = widths.indexOf(Math.max(...widths))
    if (widths[widest]! <= SMALLEST_COLUMN) break
    widths[widest] = widths[widest]! - 1
  }
  return widths
}
