import { isFiltered, isRowIdJoin, type PlanNode, readsUnknown, rowInput, scannedTable } from './plan-tree.ts'
import type { LimitBounds } from './query-syntax.ts'

/** What is known about a statement beside its plan. */
export interface RowFacts {
  /** The bounds of the LIMITs of the plan that are known. */
  readonly limits: ReadonlyMap<PlanNode, LimitBounds>
  /** Rows of a table, named as in the plan; undefined if unknown. */
  readonly tableRows: (table: string) => number | undefined
}

/** Operators whose number of rows DuckDB only guesses, and all that follow from it. */
const guesses = new Set(['UNNEST', 'INOUT_FUNCTION', 'RECURSIVE_CTE', 'REC_CTE', 'REC_KEY_CTE', 'POSITIONAL_SCAN'])
const limiting = new Set(['LIMIT', 'STREAMING_LIMIT', 'LIMIT_PERCENT', 'TOP_N'])
const changing = new Set([
  'INSERT',
  'BATCH_INSERT',
  'UPDATE',
  'DELETE',
  'MERGE_INTO',
  'CREATE_TABLE_AS',
  'BATCH_CREATE_TABLE_AS',
])

/** Whether the statement inserts, updates or deletes rows, which its plan shows in full; of a CREATE INDEX it does not. */
export function isChange({ name }: PlanNode): boolean {
  return changing.has(name)
}

/**
 * The LIMITs of a plan with the bounds that the statement's text gives them. A LIMIT of a view or below a join has none: its
 * place in the text is not known.
 * @param bounds from `limitsOf`
 */
export function boundedLimits(
  root: PlanNode,
  bounds: readonly (LimitBounds | undefined)[],
): ReadonlyMap<PlanNode, LimitBounds> {
  const nodes: PlanNode[] = []
  let node: PlanNode | undefined = root
  while (node) {
    const isLimit = limiting.has(node.name)
    if (isLimit) nodes.push(node)
    node = isLimit ? node.children[0] : rowInput(node)
  }
  const limits = new Map<PlanNode, LimitBounds>()
  for (const [i, each] of nodes.entries()) {
    const { Top: top, Offset: offset } = each.info
    const known = top === undefined ? undefined : { limit: Number(top), offset: Number(offset ?? 0) }
    const told = nodes.length === bounds.length ? bounds[i] : undefined
    if (known ?? told) limits.set(each, (known ?? told)!)
  }
  return limits
}

/** The estimated rows of a result; undefined if DuckDB only guesses them. */
export function resultRows(root: PlanNode, facts: RowFacts): number | undefined {
  const rows = rowsOf(root, facts)
  return rows === undefined || Number.isNaN(rows) ? undefined : rows
}

/** The rows that come out of an operator: NaN if they depend on a guess, undefined if the operator does not tell. */
function rowsOf(node: PlanNode, facts: RowFacts): number | undefined {
  const { name, children } = node
  if (name === 'DUMMY_SCAN' || name === 'UNGROUPED_AGGREGATE' || name === 'SIMPLE_AGGREGATE') return 1
  if (name === 'EMPTY_RESULT') return 0
  if (guesses.has(name) || changing.has(name) || readsUnknown(node)) return Number.NaN
  const table = scannedTable(node)
  if (table !== undefined) return isFiltered(node) ? toldRows(node) : (facts.tableRows(table) ?? toldRows(node))
  // DuckDB says 1 for a series whose length it does not compute.
  if (name === 'RANGE' || name === 'GENERATE_SERIES') return (toldRows(node) ?? 1) > 1 ? toldRows(node) : Number.NaN
  const inputs = children.map((child) => rowsOf(child, facts))
  const bounds = facts.limits.get(node)
  if (limiting.has(name)) return bounds ? limitedRows(inputs[0], bounds) : Number.NaN
  if (isRowIdJoin(node)) return inputs[1]
  if (rowInput(node)) return inputs[0] ?? toldRows(node)
  if (inputs.some(Number.isNaN)) return Number.NaN
  const known = inputs.filter((rows) => rows !== undefined)
  if (known.length < inputs.length) return toldRows(node)
  if (name === 'UNION') return known.reduce((sum, rows) => sum + rows, 0)
  if (name === 'CROSS_PRODUCT') return known.reduce((product, rows) => product * rows, 1)
  return toldRows(node) ?? (name === 'CTE' ? known[1] : undefined)
}

/** DuckDB's estimate. It also says 0 where it does not know. */
function toldRows({ info }: PlanNode): number | undefined {
  const rows = Number(info['Estimated Cardinality'])
  return rows > 0 ? rows : undefined
}

function limitedRows(rows: number | undefined, { limit, offset }: LimitBounds): number | undefined {
  if (limit === 0) return 0
  if (rows === undefined) return Number.isFinite(limit) ? limit : undefined
  return Math.min(limit, Math.max(0, rows - offset))
}
