import { aliasOf, endOfName, functionName, pathOf } from './names.ts'
import type { SqlNode } from './tree.ts'

/** Something in a FROM clause, or the target of a change. */
export interface Relation {
  readonly kind: 'table' | 'cte' | 'subquery' | 'other'
  readonly node: SqlNode
  /** Name by which columns are qualified, in lower case; undefined if it has none. */
  readonly name: string | undefined
  /** That name as it is written. */
  readonly writtenName: string | undefined
  /** Path of a table. */
  readonly path: readonly string[]
  /** End of the table's name in the text, before its alias. */
  readonly endOfPath: number
  readonly cte?: Cte
  /** Whether an outer join may replace its rows by nulls, so that a condition in WHERE is not one on its rows. */
  readonly optional: boolean
}

export interface Join {
  readonly node: SqlNode
  /** Type in upper case, such as `LEFT OUTER`, `CROSS`, or `,`. */
  readonly type: string
  /** Conditions of ON. */
  readonly conjuncts: readonly SqlNode[]
  /** Whether it has a condition at all: ON, USING, NATURAL, or a side that depends on the other one, as UNNEST. */
  readonly conditional: boolean
}

/** A common table expression. */
export interface Cte {
  readonly name: string
  readonly node: SqlNode
  /** Its query, without parentheses. */
  readonly body: SqlNode
  readonly references: Relation[]
}

/** A SELECT, or the part of an UPDATE or DELETE that reads its target. */
export interface Select {
  readonly node: SqlNode
  readonly kind: 'select' | 'change'
  readonly items: readonly SqlNode[]
  readonly relations: readonly Relation[]
  readonly joins: readonly Join[]
  readonly where: SqlNode | undefined
  /** Conditions of WHERE that all have to hold. */
  readonly conjuncts: readonly SqlNode[]
  /** Where a WHERE clause can be inserted. */
  readonly endOfFrom: number
}

/** The parts of a statement that rules look at. */
export interface Statement {
  readonly node: SqlNode
  readonly selects: readonly Select[]
  readonly ctes: readonly Cte[]
}

type Names = ReadonlyMap<string, Cte>

/** Reads the SELECTs, tables and common table expressions of one statement. */
export function statementOf(node: SqlNode): Statement {
  const selects: Select[] = []
  const ctes: Cte[] = []
  visit(node, new Map())
  return { node, selects, ctes }

  function visit(at: SqlNode, outer: Names): void {
    const names = namesOf(at, outer)
    if (at.type === 'SelectStatement') selects.push(selectOf(at, names))
    else if (at.type === 'DeleteStatement' || at.type === 'UpdateStatement') selects.push(changeOf(at, names))
    for (const child of at.children) if (child !== at.one('with')) visit(child, names)
  }

  /** Adds the common table expressions of a query. Each sees those before it; a recursive one also sees itself. */
  function namesOf(query: SqlNode, outer: Names): Names {
    const clause = query.one('with')
    if (clause?.type !== 'WithClause') return outer
    const names = new Map(outer)
    for (const each of clause.many('queries')) {
      const name = each.token.replaceAll('`', '').toLowerCase()
      const cte: Cte = { name, node: each, body: unwrapped(each.one('stmt') ?? each), references: [] }
      if (clause.one('recursive')) names.set(name, cte)
      for (const child of each.children) visit(child, names)
      names.set(name, cte)
      ctes.push(cte)
    }
    return names
  }
}

/** A query without the parentheses around it. */
export function unwrapped(node: SqlNode): SqlNode {
  const inner = node.type === 'GroupedStatement' && !node.one('with') ? node.one('stmt') : undefined
  return inner ? unwrapped(inner) : node
}

function selectOf(node: SqlNode, names: Names): Select {
  const from = node.one('from')
  const relations: Relation[] = []
  const joins: Join[] = []
  const expression = from?.one('expr')
  if (expression) readFrom(expression, names, false, relations, joins)
  const where = node.one('where')?.one('expr')
  return {
    node,
    kind: 'select',
    items: node.many('exprs'),
    relations,
    joins,
    where,
    conjuncts: where ? conjunctsOf(where) : [],
    endOfFrom: from?.end ?? node.end,
  }
}

function changeOf(node: SqlNode, names: Names): Select {
  const target = node.one('table_name')
  const relations: Relation[] = []
  const joins: Join[] = []
  if (target) readFrom(target, new Map(), false, relations, joins)
  const from = node.one('from')?.one('expr')
  if (from) readFrom(from, names, false, relations, joins)
  const where = node.one('where')?.one('expr')
  const conjuncts = where ? conjunctsOf(where) : []
  return { node, kind: 'change', items: [], relations, joins, where, conjuncts, endOfFrom: node.end }
}

/** The conditions that all have to hold. */
function conjunctsOf(condition: SqlNode): readonly SqlNode[] {
  if (condition.type === 'GroupedExpr' && condition.one('expr')) {
    const inner = conjunctsOf(condition.one('expr')!)
    return inner.length > 1 ? inner : [condition]
  }
  const [left, right] = [condition.one('left'), condition.one('right')]
  if (condition.type !== 'BinaryOperator' || condition.word !== 'AND' || !left || !right) return [condition]
  return [...conjunctsOf(left), ...conjunctsOf(right)]
}

function readFrom(node: SqlNode, names: Names, optional: boolean, relations: Relation[], joins: Join[]): void {
  const [left, right] = [node.one('left'), node.one('right')]
  if (node.type === 'JoinOperator' && left && right) {
    const type = joinType(node)
    const outer = type.split(' ')[0]
    readFrom(left, names, optional || outer === 'RIGHT' || outer === 'FULL', relations, joins)
    const before = relations.length
    readFrom(right, names, optional || outer === 'LEFT' || outer === 'FULL', relations, joins)
    const on = node.one('on')?.one('expr')
    joins.push({
      node,
      type,
      conjuncts: on ? conjunctsOf(on) : [],
      conditional: on !== undefined || node.one('using') !== undefined || relations[before]?.kind === 'other',
    })
    return
  }
  const inner = node.type === 'GroupedExpr' && !node.one('alias') ? node.one('expr') : undefined
  if (inner) readFrom(inner, names, optional, relations, joins)
  else relations.push(relationOf(node, names, optional, relations))
}

function joinType(node: SqlNode): string {
  const keyword = node.one('join_type')
  return node.token === ',' ? ',' : (keyword?.word ?? 'INNER')
}

function relationOf(node: SqlNode, names: Names, optional: boolean, before: readonly Relation[]): Relation {
  const alias = aliasOf(node)
  const path = pathOf(node)
  const cte = path?.length === 1 ? names.get(path[0]!.toLowerCase()) : undefined
  // `FROM t, t.items` reads an array of t.
  const isArray = path && path.length > 1 && before.some(({ name }) => name === path[0]!.toLowerCase())
  const kind =
    node.one('pivot') || node.one('unpivot') || node.one('match_recognize') || isArray
      ? 'other'
      : path
        ? cte
          ? 'cte'
          : 'table'
        : node.type === 'GroupedStatement'
          ? 'subquery'
          : 'other'
  const writtenName = alias ?? path?.at(-1)
  const relation: Relation = {
    kind,
    node,
    name: writtenName?.toLowerCase(),
    writtenName,
    path: path ?? [],
    endOfPath: path ? endOfName(node) : node.end,
    ...(cte && { cte }),
    optional,
  }
  cte?.references.push(relation)
  return relation
}

/** Whether a SELECT computes one row from many: it groups, or calls an aggregate function outside of a window. */
export function aggregates(select: Select): boolean {
  if (select.node.one('groupby') || select.node.one('having')) return true
  return select.items.some((item) =>
    [...item.walk()].some((node) => aggregateFunctions.has(functionName(node) ?? '') && !node.one('over')),
  )
}

const aggregateFunctions = new Set(
  'ANY_VALUE ARRAY_AGG ARRAY_CONCAT_AGG AVG BIT_AND BIT_OR BIT_XOR COUNT COUNTIF LOGICAL_AND LOGICAL_OR MAX MAX_BY MIN MIN_BY STRING_AGG SUM APPROX_COUNT_DISTINCT APPROX_QUANTILES APPROX_TOP_COUNT APPROX_TOP_SUM CORR COVAR_POP COVAR_SAMP STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP HLL_COUNT ST_UNION_AGG'.split(
    ' ',
  ),
)
