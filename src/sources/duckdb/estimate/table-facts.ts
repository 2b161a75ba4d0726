import type { Address } from '../native/library.ts'
import { quoteIdentifier, quoteLiteral } from '../sql/startup.ts'
import { fixedWidth, type TableColumn, widthExpression } from './column-widths.ts'
import { nodesOf, parsePlan, scannedTable } from './plan-tree.ts'
import { textRows } from './text-rows.ts'

/** Rows whose values are measured, the first of a table: they are in one block of each column. */
const SAMPLE_ROWS = 1024
/** Most columns that are measured; the others count as their average. */
const MAX_MEASURED = 100

/**
 * What an estimate needs to know of tables, read when it is asked for: their number of rows and their columns from the catalog,
 * the width of texts and nested values from their first rows. Nothing here scans a table.
 */
export class TableFacts {
  readonly #connection: Address
  readonly #rows = new Map<string, number | undefined>()
  readonly #columns = new Map<string, readonly TableColumn[]>()
  readonly #widths = new Map<string, Map<string, number>>()

  constructor(connection: Address) {
    this.#connection = connection
  }

  /** The rows of a table, with deleted ones that take space; undefined if DuckDB does not tell. @throws DuckDbError */
  rows(table: string): number | undefined {
    if (!this.#rows.has(table)) this.#rows.set(table, this.#readRows(table))
    return this.#rows.get(table)
  }

  /** The columns of a table. @param table as EXPLAIN names it @throws DuckDbError */
  columns(table: string): readonly TableColumn[] {
    let columns = this.#columns.get(table)
    if (!columns) {
      const sql = `SELECT name, type FROM system.main.pragma_table_info(${quoteLiteral(table)})`
      columns = textRows(this.#connection, sql).map(([name, type]) => ({ name: name!, type: type! }))
      this.#columns.set(table, columns)
    }
    return columns
  }

  /**
   * The average bytes of a value of each of these columns.
   * @returns undefined if they cannot be measured, since the table's first rows are gone
   * @throws DuckDbError
   */
  widths(table: string, names: ReadonlySet<string>): ReadonlyMap<string, number> | undefined {
    let widths = this.#widths.get(table)
    if (!widths) {
      widths = new Map()
      this.#widths.set(table, widths)
    }
    const unmeasured: TableColumn[] = []
    for (const column of this.columns(table)) {
      if (!names.has(column.name) || widths.has(column.name)) continue
      const fixed = fixedWidth(column.type)
      if (fixed === undefined) unmeasured.push(column)
      else widths.set(column.name, fixed)
    }
    if (unmeasured.length === 0) return widths
    const measured = this.#measure(table, unmeasured.slice(0, MAX_MEASURED))
    if (!measured) return undefined
    const average = measured.reduce((sum, width) => sum + width, 0) / measured.length
    for (const [i, { name }] of unmeasured.entries()) widths.set(name, measured[i] ?? average)
    return widths
  }

  #readRows(table: string): number | undefined {
    const [row] = textRows(this.#connection, `EXPLAIN (FORMAT JSON) SELECT 1 FROM ${table}`)
    for (const node of nodesOf(parsePlan(row![1]!))) {
      const rows = scannedTable(node) === table ? Number(node.info['Estimated Cardinality']) : Number.NaN
      if (Number.isSafeInteger(rows)) return rows
    }
    return undefined
  }

  #measure(table: string, columns: readonly TableColumn[]): readonly number[] | undefined {
    const values = columns.map(({ name, type }) => widthExpression(type, quoteIdentifier(name)))
    // A condition on row ids reads one block of each column; LIMIT reads one for each thread, but finds rows if the first are deleted.
    const first = `SELECT ${averages(values)} FROM ${table} WHERE rowid < ${SAMPLE_ROWS}`
    const names = values.map((value, i) => `${value} AS v${i}`).join(', ')
    const any = `SELECT ${averages(values.map((_, i) => `v${i}`))} FROM (SELECT ${names} FROM ${table} LIMIT ${SAMPLE_ROWS})`
    for (const sql of [first, any]) {
      const [row] = textRows(this.#connection, sql)
      if (row?.every((width) => width !== null)) return row.map(Number)
    }
    return undefined
  }
}

/** Averages in which a NULL counts as 0 bytes; NULL without rows. */
function averages(values: readonly string[]): string {
  return values.map((value) => `CAST(system.main.avg(coalesce(${value}, 0)) AS VARCHAR)`).join(', ')
}
