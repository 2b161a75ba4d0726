import { CELL_BYTES, type Cell, sink } from './text-sink.ts'

/** Formats of rows as text. */
export type TextFormat = 'json' | 'ndjson' | 'csv'
/** Rows as objects by column name, or as arrays of values. */
export type RowFormat = 'objects' | 'arrays'

const contentTypes: Readonly<Record<TextFormat, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
}
const NEWLINE = '\n'
const WORD_BYTES = 8
const COMMA = 44
const LF = 10

/** The text around the values of a row. */
export class RowForm {
  readonly contentType: string
  readonly begin: Uint8Array
  readonly end: Uint8Array
  /** Upper bound on the keys and the bounded cells of a row. */
  readonly rowBytes: number
  readonly #separator: boolean
  readonly #keys: readonly Uint8Array[]
  readonly #tail: Uint8Array

  constructor(format: TextFormat, names: readonly string[], rowFormat: RowFormat) {
    this.contentType = contentTypes[format]
    const isCsv = format === 'csv'
    this.begin = Buffer.from(isCsv ? `${names.map(csvName).join(',')}\r\n` : format === 'json' ? '[' : '')
    this.end = Buffer.from(format === 'json' ? `${NEWLINE}]` : '')
    this.#separator = format === 'json'
    const [open, close] = isCsv ? ['', '\r\n'] : rowFormat === 'arrays' ? ['[', ']'] : ['{', '}']
    const hasNames = !isCsv && rowFormat === 'objects'
    const keys = names.map((name, i) => `${i === 0 ? open : ','}${hasNames ? `${JSON.stringify(name)}:` : ''}`)
    this.#keys = keys.map((key) => Buffer.from(key))
    this.#tail = Buffer.from((names.length === 0 ? open : '') + close + (format === 'ndjson' ? NEWLINE : ''))
    this.rowBytes = this.#keys.reduce((sum, key) => sum + key.length + WORD_BYTES + CELL_BYTES, 2 * CELL_BYTES)
  }

  /** Writes a row to the sink. @returns the position after it */
  writeRow(cells: readonly Cell[], row: number, at: number, isFirst: boolean): number {
    const keys = this.#keys
    let end = at
    if (this.#separator) {
      if (!isFirst) sink.bytes[end++] = COMMA
      sink.bytes[end++] = LF
    }
    for (let i = 0; i < cells.length; i++) {
      const key = keys[i]!
      const { bytes } = sink
      for (let j = 0; j < key.length; j++) bytes[end++] = key[j]!
      end = cells[i]!(row, end)
    }
    const tail = this.#tail
    const { bytes } = sink
    for (let i = 0; i < tail.length; i++) bytes[end++] = tail[i]!
    return end
  }
}

function csvName(name: string): string {
  return name === '' || /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
}
