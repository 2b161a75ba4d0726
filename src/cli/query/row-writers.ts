import type { RecordBatch, Schema } from 'apache-arrow'
import { type CellWriter, cellWriter, plainText } from '../../arrow/text/cell.ts'

/** Converts batches to text, one at a time. */
export interface RowWriter {
  /** Returns the text before the first batch. */
  begin(schema: Schema): string
  batch(batch: RecordBatch): string
  /** Returns the text after the last batch. */
  end(): string
}

function writersOf(schema: Schema): CellWriter[] {
  return schema.fields.map((field) => cellWriter(field))
}

/** CSV by RFC 4180 with a header row. NULL is an empty field, an empty text is `""`. */
export class CsvWriter implements RowWriter {
  #cells: CellWriter[] = []

  begin(schema: Schema): string {
    this.#cells = writersOf(schema)
    return `${schema.fields.map(({ name }) => quoted(name)).join(',')}\r\n`
  }

  batch(batch: RecordBatch): string {
    const columns = batch.data.children
    let out = ''
    for (let row = 0; row < batch.numRows; row++) {
      for (let i = 0; i < this.#cells.length; i++) {
        const json = this.#cells[i]!(columns[i]!, row)
        out += (i > 0 ? ',' : '') + (json === 'null' ? '' : quoted(plainText(json)))
      }
      out += '\r\n'
    }
    return out
  }

  end(): string {
    return ''
  }
}

function quoted(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Rows as JSON objects: one per line, or all in an array. */
export class JsonWriter implements RowWriter {
  readonly #lines: boolean
  #cells: CellWriter[] = []
  #names: string[] = []
  #first = true

  constructor(lines: boolean) {
    this.#lines = lines
  }

  begin(schema: Schema): string {
    this.#cells = writersOf(schema)
    this.#names = schema.fields.map(({ name }) => JSON.stringify(name))
    return this.#lines ? '' : '['
  }

  batch(batch: RecordBatch): string {
    const columns = batch.data.children
    let out = ''
    for (let row = 0; row < batch.numRows; row++) {
      if (!this.#lines) out += this.#first ? '\n' : ',\n'
      this.#first = false
      out += '{'
      for (let i = 0; i < this.#cells.length; i++)
        out += `${i > 0 ? ',' : ''}${this.#names[i]}:${this.#cells[i]!(columns[i]!, row)}`
      out += this.#lines ? '}\n' : '}'
    }
    return out
  }

  end(): string {
    return this.#lines ? '' : '\n]\n'
  }
}

const NULL_TEXT = 'NULL'

/** An aligned table of the first rows, as wide as the terminal. */
export class TableWriter implements RowWriter {
  readonly #maxRows: number
  readonly #width: number
  #cells: CellWriter[] = []
  #schema: Schema | undefined
  readonly #rows: string[][] = []
  #total = 0

  constructor(maxRows: number, width: number) {
    this.#maxRows = maxRows
    this.#width = width
  }

  begin(schema: Schema): string {
    this.#schema = schema
    this.#cells = writersOf(schema)
    return ''
  }

  batch(batch: RecordBatch): string {
    this.#total += batch.numRows
    for (let row = 0; row < batch.numRows && this.#rows.length < this.#maxRows; row++)
      this.#rows.push(
        this.#cells.map((cell, i) => {
          const json = cell(batch.data.children[i]!, row)
          return json === 'null' ? NULL_TEXT : plainText(json).replace(/[\r\n\t]/g, ' ')
        }),
      )
    return ''
  }

  end(): string {
    const fields = this.#schema?.fields ?? []
    const numeric = fields.map(({ type }) => /^(Uint|Int|Float|Decimal)/.test(String(type)))
    const natural = fields.map(({ name }, i) => Math.max(name.length, ...this.#rows.map((row) => row[i]!.length)))
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
    return [
      line(fields.map(({ name }) => name)),
      widths.map((width) => '─'.repeat(width)).join('  '),
      ...this.#rows.map(line),
      `${this.#total} row${this.#total === 1 ? '' : 's'}${shown}`,
      '',
    ].join('\n')
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
