import { CELL_BYTES, type Cell, sink } from './text-sink.ts'

/** Formats of rows as text. */
export type TextFormat = 'json' | 'ndjson' | 'csv'
/** Rows as objects by column name, or as arrays of values. */
export type RowFormat = 'objects' | 'arrays'

/** Text of some rows. A long row takes several pieces, without other rows: its last one has one row, those before have none. */
export interface EncodedRows {
  readonly bytes: Uint8Array
  /** Rows that end with the piece; 0 if the next piece goes on with the row. */
  readonly rows: number
  /** If the next piece goes on with the row: what would end its line here, for a text that ends with an error. `json` has no lines. */
  readonly cut?: Uint8Array | undefined
}

const contentTypes: Readonly<Record<TextFormat, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
}
const NEWLINE = '\n'
const WORD_BYTES = 8
const COMMA = 44
const LF = 10

/**
 * The text around the values of a row. It is kept in words of 8 bytes, each written at once: keys are most of the bytes of JSON rows.
 * What the last word of a key has beyond the key is overwritten by the value. No word is a NaN, whose bits an engine may change:
 * it would end with a byte from 0xf0 and one of 0x7f or 0xff, which UTF-8 has not.
 */
export class RowForm {
  readonly contentType: string
  readonly begin: Uint8Array
  readonly end: Uint8Array
  /** Upper bound on the keys and the bounded cells of a row. */
  readonly rowBytes: number
  /** What ends the line of a row that is incomplete. */
  readonly lineEnd: Uint8Array
  readonly isCsv: boolean
  readonly #separator: boolean
  /** The words of all keys, then of the end of a row. */
  readonly #words: Float64Array
  /** End of the words of each key. */
  readonly #wordEnds: Int32Array
  /** Bytes of each key. */
  readonly #lengths: Int32Array
  /** Whether each key has one word. */
  readonly #isShort: boolean

  constructor(format: TextFormat, names: readonly string[], rowFormat: RowFormat) {
    this.contentType = contentTypes[format]
    const isCsv = format === 'csv'
    this.isCsv = isCsv
    this.begin = Buffer.from(isCsv ? `${names.map(csvName).join(',')}\r\n` : format === 'json' ? '[' : '')
    this.end = Buffer.from(format === 'json' ? `${NEWLINE}]` : '')
    this.lineEnd = Buffer.from(isCsv ? '\r\n' : format === 'json' ? '' : NEWLINE)
    this.#separator = format === 'json'
    const [open, close] = isCsv ? ['', '\r\n'] : rowFormat === 'arrays' ? ['[', ']'] : ['{', '}']
    const hasNames = !isCsv && rowFormat === 'objects'
    const keys = names.map((name, i) => `${i === 0 ? open : ','}${hasNames ? `${JSON.stringify(name)}:` : ''}`)
    const tail = (names.length === 0 ? open : '') + close + (format === 'ndjson' ? NEWLINE : '')
    const parts = [...keys, tail].map((part) => Buffer.from(part))
    this.#lengths = Int32Array.from(parts, ({ length }) => length)
    const counts = parts.map(({ length }) => Math.max(1, Math.ceil(length / WORD_BYTES)))
    this.#isShort = counts.every((count) => count === 1)
    let words = 0
    this.#wordEnds = Int32Array.from(counts, (count) => (words += count))
    this.#words = new Float64Array(words)
    const bytes = new Uint8Array(this.#words.buffer)
    for (const [i, part] of parts.entries()) bytes.set(part, WORD_BYTES * (this.#wordEnds[i]! - counts[i]!))
    this.rowBytes = WORD_BYTES * (words + 1) + CELL_BYTES * (names.length + 1)
  }

  /** Writes a row to the sink. @returns the position after it */
  writeRow(cells: readonly Cell[], row: number, at: number, isFirst: boolean): number {
    const words = this.#words
    const wordEnds = this.#wordEnds
    const lengths = this.#lengths
    let end = at
    if (this.#separator) {
      if (!isFirst) sink.bytes[end++] = COMMA
      sink.bytes[end++] = LF
    }
    let word = 0
    if (this.#isShort)
      for (; word < cells.length; word++) {
        sink.view.setFloat64(end, words[word]!, true)
        end = cells[word]!(row, end + lengths[word]!)
      }
    else
      for (let i = 0; i < cells.length; i++) {
        const { view } = sink
        const wordEnd = wordEnds[i]!
        for (let to = end; word < wordEnd; to += WORD_BYTES) view.setFloat64(to, words[word++]!, true)
        end = cells[i]!(row, end + lengths[i]!)
      }
    sink.view.setFloat64(end, words[word]!, true)
    return end + lengths[cells.length]!
  }
}

function csvName(name: string): string {
  return name === '' || /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name
}
