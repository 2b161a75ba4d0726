import { isFiltered, type PlanNode, rowInput, scannedTable } from './plan-tree.ts'
import type { TableScan } from './read-bytes.ts'
import { type RowFacts, resultRows } from './result-rows.ts'
import type { TableFacts } from './table-facts.ts'

/** From here on a suggestion is worth its sentence. */
const MANY_COLUMNS = 8
const MANY_BYTES = 64_000_000
const MANY_ROWS = 1_000_000
const MANY_JOINED_ROWS = 100_000_000
/** Columns of the example. */
const FEW_COLUMNS = 3

/** What would make a statement cheaper, one sentence each. */
export function suggestionsFor(
  root: PlanNode,
  scans: readonly TableScan[],
  tables: TableFacts,
  facts: RowFacts,
): string[] {
  return [...allColumns(scans, tables), ...allRows(root, scans, facts), ...crossProducts(root, facts)]
}

function* allColumns(scans: readonly TableScan[], tables: TableFacts): Generator<string> {
  const told = new Set<string>()
  for (const { table, columns, rows, bytes } of scans) {
    const all = tables.columns(table)
    if (told.has(table) || !columns || rows === undefined || bytes === undefined) continue
    // A LIMIT or a sample reads a part of the table: fewer columns would save little.
    if (rows < (tables.rows(table) ?? 0)) continue
    if (columns.size < all.length || all.length < MANY_COLUMNS || bytes < MANY_BYTES) continue
    told.add(table)
    const widths = tables.widths(table, columns)
    const few = all.slice(0, FEW_COLUMNS).reduce((sum, { name }) => sum + (widths?.get(name) ?? 0), 0)
    yield `The statement reads all ${count(all.length)} columns of ${table} (${size(bytes)}): name the columns that you need; the first ${FEW_COLUMNS} alone are ${size(rows * few)}.`
  }
}

function* allRows(root: PlanNode, scans: readonly TableScan[], facts: RowFacts): Generator<string> {
  let node: PlanNode | undefined = root
  while (rowInput(node)) node = rowInput(node)!
  const table = scannedTable(node)
  const rows = resultRows(node, facts)
  if (table === undefined || rows === undefined || rows < MANY_ROWS || isFiltered(node) || scans.length > 1) return
  yield `The statement returns all ${count(rows)} rows of ${table}: add a condition or a LIMIT if you need only some of them.`
}

function* crossProducts(node: PlanNode, facts: RowFacts): Generator<string> {
  const [left, right] = node.name === 'CROSS_PRODUCT' ? node.children.map((child) => resultRows(child, facts)) : []
  if (left !== undefined && right !== undefined && left > 1 && right > 1 && left * right >= MANY_JOINED_ROWS) {
    // The outermost one tells of those below it.
    yield `The statement joins ${count(left)} rows with ${count(right)} rows without a condition, which makes ${count(left * right)} rows: add a join condition.`
  } else for (const child of node.children) yield* crossProducts(child, facts)
}

function count(rows: number): string {
  return rows < Number.MAX_SAFE_INTEGER ? Math.round(rows).toLocaleString('en-US') : rows.toExponential(1)
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']

function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}
