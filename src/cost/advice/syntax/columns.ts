import { pathOf } from './names.ts'
import type { Relation, Select } from './statement.ts'
import type { SqlNode } from './tree.ts'

/** A use of a column, such as `t.a`, or of all columns: `*`, `t.*`. */
export interface ColumnUse {
  /** The parts of the name in lower case; without the star. */
  readonly path: readonly string[]
  readonly star: boolean
  readonly node: SqlNode
}

/** Children that hold names which are not columns. */
const notColumns = new Set([
  'alias',
  'as',
  'func',
  'cast_to',
  'extract_datepart',
  'date_part',
  'type',
  'with',
  'comma',
  'semicolon',
  'order',
  'by',
])

/** The uses of columns in an expression or a query. Names of tables do not count; a query within counts with its uses. */
export function columnUses(node: SqlNode, uses: ColumnUse[] = []): readonly ColumnUse[] {
  if (node.type === 'Asterisk') {
    uses.push({ path: [], star: true, node })
    // EXCEPT and REPLACE name columns.
    for (const child of node.children) columnUses(child, uses)
    return uses
  }
  if (node.type === 'DotOperator' && node.one('right')?.type === 'Asterisk') {
    uses.push({ path: lower(pathOf(node.one('left'))), star: true, node })
    for (const child of node.one('right')!.children) columnUses(child, uses)
    return uses
  }
  const path = node.type === 'Parameter' ? undefined : pathOf(node)
  if (path) {
    uses.push({ path: lower(path), star: false, node })
    return uses
  }
  if (
    node.type === 'CallingFunction' &&
    node.one('func')?.word === 'COUNT' &&
    node.many('args')[0]?.type === 'Asterisk'
  )
    return node.one('over') ? columnUses(node.one('over')!, uses) : uses
  for (const name of node.names) {
    if (notColumns.has(name)) continue
    for (const child of node.many(name)) {
      if (name === 'from' && node.type === 'SelectStatement') usesOfFrom(child.one('expr'), uses)
      else if (name === 'right' && node.type === 'DotOperator') continue
      else columnUses(child, uses)
    }
  }
  return uses
}

/** The uses in a FROM clause: conditions of joins, arguments of UNNEST and other functions, and queries. */
function usesOfFrom(node: SqlNode | undefined, uses: ColumnUse[]): void {
  if (!node) return
  if (node.type === 'JoinOperator') {
    usesOfFrom(node.one('left'), uses)
    usesOfFrom(node.one('right'), uses)
    for (const condition of [node.one('on'), node.one('using')]) if (condition) columnUses(condition, uses)
  } else if (node.type === 'GroupedExpr') usesOfFrom(node.one('expr'), uses)
  else if (pathOf(node)) {
    // `FROM t, t.items` uses a column of t; the path of a table does no harm here.
    uses.push({ path: lower(pathOf(node)), star: false, node })
    for (const name of ['pivot', 'unpivot', 'match_recognize'])
      if (node.one(name)) uses.push({ path: [], star: true, node })
  } else columnUses(node, uses)
}

function lower(path: readonly string[] | undefined): readonly string[] {
  return (path ?? []).map((part) => part.toLowerCase())
}

/** Whether an expression has the same value for all rows: it uses no column and no query. */
export function isConstant(node: SqlNode): boolean {
  for (const each of node.walk()) if (each.type === 'SelectStatement' || each.type === 'PipeStatement') return false
  return columnUses(node).every(({ path, star, node }) => !star && constants.has(path.join('.')) && !node.one('alias'))
}

/** Names that stand for a value although they look like columns: functions without parentheses, units of time. */
const constants = new Set(
  'current_date current_timestamp current_datetime current_time microsecond millisecond second minute hour day week isoweek month quarter year isoyear'.split(
    ' ',
  ),
)

/** Whether an expression is a column of a relation: qualified by its name, or unqualified where no other relation may have it. */
export function isColumnOf(node: SqlNode | undefined, column: string, relation: Relation, select: Select): boolean {
  const path = lower(pathOf(node))
  const name = column.toLowerCase()
  if (path.length === 1 && path[0] === name) return select.relations.length === 1
  return path.length === 2 && path[1] === name && path[0] === relation.name
}
