/** An operator of DuckDB's physical plan, as EXPLAIN (FORMAT JSON) writes it. */
export interface PlanNode {
  /** Such as `SEQ_SCAN` or `HASH_JOIN`. */
  readonly name: string
  /** What EXPLAIN says about the operator, such as `Table` and `Estimated Cardinality`. */
  readonly info: Readonly<Record<string, string>>
  readonly children: readonly PlanNode[]
}

interface ExplainedNode {
  readonly name: string
  readonly extra_info?: Readonly<Record<string, string | readonly string[]>>
  readonly children?: readonly ExplainedNode[]
}

/**
 * Reads the JSON of an EXPLAIN. EXPLAIN splits a text into a list at each line feed, which this undoes.
 * Source: https://duckdb.org/docs/stable/guides/meta/explain.
 */
export function parsePlan(json: string): PlanNode {
  const [root] = JSON.parse(json) as readonly ExplainedNode[]
  if (!root) throw new Error('an explained statement without a plan')
  return nodeOf(root)
}

function nodeOf({ name, extra_info = {}, children = [] }: ExplainedNode): PlanNode {
  const info = Object.entries(extra_info).map(([key, value]) => [
    key,
    typeof value === 'string' ? value : value.join('\n'),
  ])
  return { name: name.trim(), info: Object.fromEntries(info), children: children.map(nodeOf) }
}

/** The nodes of a plan, each before its children. */
export function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node
  for (const child of node.children) yield* nodesOf(child)
}

/** The table of a scan, as SQL text that names it in full; undefined for other operators. */
export function scannedTable({ name, info }: PlanNode): string | undefined {
  return name === 'SEQ_SCAN' || name === 'INDEX_SCAN' ? info['Table'] : undefined
}

/** Whether a scan reads some of its table's rows only. */
export function isFiltered({ info }: PlanNode): boolean {
  return (info['Filters'] ?? '') !== '' || info['Sample Method'] !== undefined
}

/** Operators without children that read no table. */
const tableless = new Set([
  'DUMMY_SCAN',
  'EMPTY_RESULT',
  'COLUMN_DATA_SCAN',
  'EXPRESSION_SCAN',
  'CTE_SCAN',
  'REC_CTE_SCAN',
  'DELIM_SCAN',
  'RANGE',
  'GENERATE_SERIES',
  // The distinct values of a correlated subquery's outer rows.
  'HASH_GROUP_BY',
])

/** Whether an operator reads something that is not a table and not known to be nothing, such as a function's rows. */
export function readsUnknown(node: PlanNode): boolean {
  return node.children.length === 0 && scannedTable(node) === undefined && !tableless.has(node.name)
}

/** Whether DuckDB replaces a table by its statistics here, so that the plan no longer names it. */
export function mayReplaceTable({ name }: PlanNode): boolean {
  return name === 'EMPTY_RESULT' || name === 'COLUMN_DATA_SCAN' || name === 'DUMMY_SCAN'
}

/**
 * The input that decides which rows come out, if the operator keeps or orders rows of a single input. DuckDB finds the rows of a
 * LIMIT by their row ids first (the right input), and then reads their columns.
 */
export function rowInput({ name, info, children }: PlanNode): PlanNode | undefined {
  if (rowKeepers.has(name)) return children[0]
  return isRowIdJoin({ name, info, children }) ? children[1] : undefined
}

/** Whether the operator reads the columns of rows that its right input has found. */
export function isRowIdJoin({ name, info }: PlanNode): boolean {
  return name === 'HASH_JOIN' && info['Join Type'] === 'SEMI' && info['Conditions'] === 'rowid = rowid'
}

const rowKeepers = new Set(['PROJECTION', 'ORDER_BY', 'WINDOW', 'STREAMING_WINDOW'])
