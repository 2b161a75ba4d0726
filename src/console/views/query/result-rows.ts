import type { Column } from '../../api/answers.ts'

/** Most rows that the console holds. */
export const MAX_ROWS = 250_000

/** Most text of rows that the console holds, in characters as they came. */
export const MAX_CHARACTERS = 64 * 2 ** 20

/** A row; its cells are in the order of the columns. */
export type Row = readonly unknown[]

/** The rows of a result, up to a bound. */
export class ResultRows {
  readonly columns: readonly Column[]
  readonly rows: Row[] = []
  #characters = 0

  constructor(columns: readonly Column[]) {
    this.columns = columns
  }

  /** Adds the rows of a JSON array. @returns whether there is room for more */
  add(json: string): boolean {
    const rows = JSON.parse(json) as Row[]
    const room = MAX_ROWS - this.rows.length
    for (const row of rows.length > room ? rows.slice(0, room) : rows) this.rows.push(row)
    this.#characters += json.length
    return this.rows.length < MAX_ROWS && this.#characters < MAX_CHARACTERS
  }
}

/** Most characters of a cell that the table shows. */
const MAX_CELL_CHARACTERS = 300

/** A value of a column in whole, as text. Numbers with a scale have all of its digits: `30872.00`. */
export function wholeText(value: unknown, { type }: Column): string {
  if (typeof value === 'object') return JSON.stringify(value)
  const text = String(value)
  const scale = Number(/^decimal\d+\(\d+, (\d+)\)$/.exec(type)?.[1] ?? 0)
  if (scale === 0 || !/^-?\d+(\.\d+)?$/.test(text)) return text
  const [whole, digits = ''] = text.split('.')
  return `${whole}.${digits.padEnd(scale, '0')}`
}

/** A value of a column as the table shows it. */
export function cellText(value: unknown, column: Column): string {
  const text = wholeText(value, column)
  return text.length > MAX_CELL_CHARACTERS ? `${text.slice(0, MAX_CELL_CHARACTERS)}…` : text
}

/** Whether a column holds numbers, by the name of its Arrow type. */
export function isNumeric({ type }: Column): boolean {
  return /^(u?int\d|float|double|halffloat|decimal)/.test(type)
}

const PIXELS_OF_CHARACTER = 7.6
/** Characters that a column has room for at most. */
export const MAX_CHARACTERS_IN_SIGHT = 47
const PADDING_PIXELS = 22
const MIN_PIXELS = 56
const MAX_PIXELS = 380
/** Rows that decide how wide the columns are. */
const SAMPLED_ROWS = 200

/** Width of each column in pixels, by its name and its first values. */
export function columnWidths({ columns, rows }: Pick<ResultRows, 'columns' | 'rows'>): number[] {
  const longest = columns.map(({ name, type }) => Math.max(name.length, type.length))
  for (const row of rows.slice(0, SAMPLED_ROWS))
    for (let i = 0; i < longest.length; i++) longest[i] = Math.max(longest[i]!, cellText(row[i], columns[i]!).length)
  return longest.map((characters) =>
    Math.round(Math.min(MAX_PIXELS, Math.max(MIN_PIXELS, characters * PIXELS_OF_CHARACTER + PADDING_PIXELS))),
  )
}
