import { isFiltered, isRowIdJoin, nodesOf, type PlanNode, readsUnknown, rowInput, scannedTable } from './plan-tree.ts'
import { readColumns } from './read-columns.ts'
import { type RowFacts, resultRows } from './result-rows.ts'
import type { TableFacts } from './table-facts.ts'

/** Rows of a row group, the part of a table that DuckDB reads or skips as a whole. */
const ROW_GROUP = 122_880

/** A scan of a table and what it reads. */
export interface TableScan {
  readonly node: PlanNode
  readonly table: string
  /** Undefined if the plan does not tell. */
  readonly columns: ReadonlySet<string> | undefined
  /** Rows that are read; undefined if unknown. */
  readonly rows: number | undefined
  /** Bytes that are read, uncompressed; undefined if unknown. */
  readonly bytes: number | undefined
}

/**
 * The scans of a plan. A scan reads all rows of its columns, except that one row group is read for each row that a LIMIT asks for
 * where nothing stands between, and that SYSTEM samples skip rows. Row groups that a filter skips count as read.
 */
export function tableScans(root: PlanNode, tables: TableFacts, facts: RowFacts): TableScan[] {
  const mostRows = rowBounds(root, facts)
  const scans: TableScan[] = []
  for (const node of nodesOf(root)) {
    const table = scannedTable(node)
    if (table === undefined) continue
    const names = tables.columns(table).map(({ name }) => name)
    const columns = readColumns(node, names)
    const tableRows = tables.rows(table)
    const rows =
      tableRows === undefined ? undefined : Math.min(tableRows * sampled(node), mostRows.get(node) ?? tableRows)
    const widths = columns && tables.widths(table, columns)
    let width = 0
    for (const name of columns ?? []) width += widths?.get(name) ?? Number.NaN
    const bytes = rows === undefined || !columns ? undefined : rows === 0 ? 0 : Math.ceil(rows * width)
    scans.push({ node, table, columns, rows, bytes: Number.isNaN(bytes) ? undefined : bytes })
  }
  return scans
}

/** The bytes that a statement reads from its tables; undefined if unknown. */
export function readBytes(root: PlanNode, scans: readonly TableScan[]): number | undefined {
  for (const node of nodesOf(root)) if (readsUnknown(node)) return undefined
  let bytes = 0
  for (const scan of scans) {
    if (scan.bytes === undefined) return undefined
    bytes += scan.bytes
  }
  return bytes
}

/** The most rows that scans read because of a LIMIT above them. */
function rowBounds(root: PlanNode, facts: RowFacts): ReadonlyMap<PlanNode, number> {
  const bounds = new Map<PlanNode, number>()
  for (const node of nodesOf(root)) {
    const limit = facts.limits.get(node)
    if (limit && node.name !== 'TOP_N') {
      let input = node.children[0]
      while (input && rowInput(input)) input = rowInput(input)
      if (input && scannedTable(input) !== undefined && !isFiltered(input))
        bounds.set(input, Math.max(ROW_GROUP, limit.limit + limit.offset))
    }
    if (!isRowIdJoin(node)) continue
    const [columns, found] = node.children
    const rows = found && resultRows(found, facts)
    if (columns && scannedTable(columns) !== undefined && rows !== undefined) bounds.set(columns, rows * ROW_GROUP)
  }
  return bounds
}

/** The part of the rows that a scan reads: a SYSTEM sample skips the others, other samples read them. */
function sampled({ info }: PlanNode): number {
  const method = /^System: ([\d.]+)%$/.exec(info['Sample Method'] ?? '')
  return method ? Number(method[1]) / 100 : 1
}
