import { ApiError, invalidQuery } from '../api-error.ts'
import type { FieldSchema, Value } from '../schema.ts'
import { addConditions } from './conditions.ts'
import { read, type StatementContext } from './context.ts'
import { child, children, keyword, type Node, pathOf, place } from './cst.ts'
import { aliasOf, compileExpression, type Expression } from './expression.ts'
import { compileFrom, type From } from './from.ts'
import { compilePipe } from './pipe.ts'
import type { Column, Relation, ValueSource } from './scan.ts'
import type { Scope } from './scope.ts'
import { compare } from './values.ts'

interface Output {
  readonly column: Column
  readonly made: Expression
}

/**
 * Compiles a SELECT, a set operation or a pipe.
 * What the rows depend on besides the columns (WHERE, ON, GROUP BY ...) is marked as read; the columns are left to the caller.
 * @throws ApiError
 */
export function compileQuery(node: Node, context: StatementContext, outer?: Scope): Relation {
  const named = new Map<string, () => Relation>()
  context.named.push(named)
  try {
    const clause = child(node, 'with')
    for (const query of children(clause, 'queries')) {
      const name = query.token!.literal.replaceAll('`', '').toLowerCase()
      const statement = child(query, 'stmt')!
      const visible = new Map(named)
      if (child(clause, 'recursive')) visible.set(name, () => recursive(statement, context))
      // Each reference is compiled anew, as BigQuery writes the subquery in place of its name.
      named.set(name, () => {
        context.named.push(visible)
        try {
          return compileQuery(statement, context)
        } finally {
          context.named.pop()
        }
      })
    }
    return compileBody(node, context, outer)
  } finally {
    context.named.pop()
  }
}

/** The columns of a recursive reference: those of the first part of its UNION. */
function recursive(statement: Node, context: StatementContext): Relation {
  const body = statement.node_type === 'GroupedStatement' ? child(statement, 'stmt')! : statement
  const { columns } = compileQuery(child(body, 'left') ?? body, context)
  return {
    columns: columns.map(withoutDirect),
    rows: () => {
      throw unsupported()
    },
  }
}

function compileBody(node: Node, context: StatementContext, outer: Scope | undefined): Relation {
  switch (node.node_type) {
    case 'GroupedStatement':
      return tail(node, compileQuery(child(node, 'stmt')!, context, outer), context)
    case 'SetOperator':
      return setOperation(node, context, outer)
    case 'SelectStatement':
      return select(node, context, outer)
    case 'PipeStatement':
    case 'FromStatement':
      return compilePipe(node, context, outer)
    default:
      throw invalidQuery(`Syntax error: Unexpected keyword ${keyword(node)} at ${place(node)}`)
  }
}

function setOperation(node: Node, context: StatementContext, outer: Scope | undefined): Relation {
  const [left, right] = ['left', 'right'].map((name) => compileQuery(child(node, name)!, context, outer))
  if (left!.columns.length !== right!.columns.length)
    throw invalidQuery(
      `Queries in UNION ALL have mismatched column count; query 1 has ${left!.columns.length} columns, query 2 has ${right!.columns.length} columns at ${place(node)}`,
    )
  const all = keyword(child(node, 'distinct_or_all')) === 'ALL'
  const columns = left!.columns.map((column, index): Column => {
    const other = right!.columns[index]!
    const refs = [...column.refs, ...other.refs]
    const direct = column.direct && other.direct && [...column.direct, ...other.direct]
    return { ...column, refs, ...(direct && { direct }) }
  })
  if (!all) read(columns)
  const union: Relation = {
    columns,
    *rows() {
      if (!all) throw unsupported()
      yield* left!.rows()
      yield* right!.rows()
    },
  }
  return tail(node, union, context)
}

function select(node: Node, context: StatementContext, outer: Scope | undefined): Relation {
  const fromNode = child(child(node, 'from'), 'expr')
  const from: From = fromNode
    ? compileFrom(fromNode, context, compileQuery, outer)
    : { ranges: [], rows: () => [[]], width: 0 }
  const scope: Scope = { ranges: from.ranges, outer }
  const within = { context, scope, compileQuery }
  const where = child(child(node, 'where'), 'expr')
  const condition = where && compileExpression(where, within)
  if (where) addConditions(where, within)
  const outputs = children(node, 'exprs').flatMap((item) => outputsOf(item, from, within))
  const withAliases: Scope = {
    ranges: [...from.ranges, { alias: undefined, columns: outputs.map(({ column }) => column), offset: from.width }],
    outer,
  }
  const later = { context, scope: withAliases, compileQuery }
  const group = child(node, 'groupby')
  const keys = children(group, 'exprs')
    .filter(({ node_type }) => node_type !== 'Keyword')
    .map((item) => ordinal(item, outputs) ?? compileExpression(item, later))
  const filters = ['having', 'qualify'].flatMap((name) => {
    const part = child(child(node, name), 'expr')
    return part ? [compileExpression(part, later)] : []
  })
  const orders = children(child(node, 'orderby'), 'exprs').map((item) => ({
    made: ordinal(item, outputs) ?? compileExpression(item, later),
    descending: keyword(child(item, 'order')) === 'DESC',
  }))
  const distinct = keyword(child(node, 'distinct_or_all')) === 'DISTINCT'
  read([...(condition ? [condition] : []), ...keys, ...filters, ...orders.map(({ made }) => made)])
  if (distinct) read(outputs.map(({ column }) => column))
  const grouped = group !== undefined || outputs.some(({ made }) => made.aggregate)
  const limit = limitOf(node, context)
  const columns = outputs.map(({ column }) => (limit.count === undefined ? column : withoutDirect(column)))
  const searched = condition || grouped || distinct || orders.length > 0 || filters.length > 0
  const source = !searched && from.source
  return {
    columns,
    ...(source && { source: projected(source, outputs, limit) }),
    *rows() {
      const source = filtered(from.rows(), condition)
      let rows: Iterable<readonly Value[]> = grouped
        ? groups(source, keys, outputs, filters)
        : plain(source, outputs, filters)
      if (distinct) rows = unique(rows)
      if (orders.length > 0) rows = sorted(rows, orders)
      let index = 0
      for (const row of rows) {
        if (index >= limit.offset + (limit.count ?? Number.POSITIVE_INFINITY)) return
        if (index++ >= limit.offset) yield row.slice(from.width, from.width + outputs.length)
      }
    },
  }
}

function projected(
  source: ValueSource,
  outputs: readonly Output[],
  limit: { count?: number; offset: number },
): ValueSource {
  const length = Math.max(0, Math.min(source.length - limit.offset, limit.count ?? Number.POSITIVE_INFINITY))
  return {
    length,
    ...(source.repeatsAfter && { repeatsAfter: source.repeatsAfter }),
    at: (index) => {
      const row = source.at(index + limit.offset)
      return outputs.map(({ made }) => made.value(row))
    },
  }
}

function outputsOf(item: Node, from: From, within: Parameters<typeof compileExpression>[1]): Output[] {
  const star = item.node_type === 'Asterisk' ? item : child(item, 'right')
  if (star?.node_type === 'Asterisk') {
    const qualifier = item.node_type === 'Asterisk' ? undefined : pathOf(child(item, 'left'))
    return starOutputs(star, qualifier, from, within)
  }
  const made = compileExpression(item, within)
  const path = pathOf(item)
  const name = aliasOf(item) ?? (path ? path.at(-1)! : `f${item.token?.column ?? 0}_`)
  return [{ column: columnOf(name, made), made }]
}

function starOutputs(
  star: Node,
  qualifier: readonly string[] | undefined,
  from: From,
  within: Parameters<typeof compileExpression>[1],
): Output[] {
  const ranges = from.ranges.filter(
    ({ alias }) => !qualifier || alias?.toLowerCase() === qualifier.at(-1)!.toLowerCase(),
  )
  if (ranges.length === 0)
    throw invalidQuery(
      qualifier
        ? `Unrecognized name: ${qualifier.join('.')} at ${place(star)}`
        : `SELECT * must have a FROM clause at ${place(star)}`,
    )
  const named = (name: string) => children(child(child(star, name), 'group'), 'exprs')
  const excluded = new Set(named('except').map((item) => pathOf(item)?.[0]?.toLowerCase()))
  const replaced = new Map(named('replace').map((item) => [aliasOf(item)?.toLowerCase(), item]))
  return ranges.flatMap((range) =>
    range.columns.flatMap((column, index): Output[] => {
      const name = column.name.toLowerCase()
      if (column.hidden || excluded.has(name) || from.merged?.has(`${range.offset + index}`)) return []
      const replacement = replaced.get(name)
      if (replacement) {
        const made = compileExpression(replacement, within)
        return [{ column: columnOf(column.name, made), made }]
      }
      const { field, refs, direct } = column
      const value = (row: readonly Value[]) => row[range.offset + index] ?? null
      const made = { field, refs, ...(direct && { direct }), constant: false, aggregate: false, value }
      return [{ column, made }]
    }),
  )
}

function columnOf(name: string, { field, refs, direct }: Expression): Column {
  return { name, field: { ...field, name }, refs, ...(direct && { direct }) }
}

/** Behind a LIMIT no condition reaches the table. */
function withoutDirect({ direct: _, ...column }: Column): Column {
  return column
}

function ordinal(item: Node, outputs: readonly Output[]): Expression | undefined {
  if (item.node_type !== 'NumericLiteral') return undefined
  return outputs[Number(item.token!.literal) - 1]?.made
}

export function limitOf(node: Node, context: StatementContext): { readonly count?: number; readonly offset: number } {
  const clause = child(node, 'limit')
  if (!clause) return { offset: 0 }
  const number = (part: Node | undefined): number => {
    const expr = part && (child(part, 'expr') ?? part)
    if (!expr) return 0
    return Number(compileExpression(expr, { context, scope: { ranges: [] }, compileQuery }).value([]))
  }
  return { count: number(child(clause, 'expr')), offset: number(child(clause, 'offset')) }
}

/** ORDER BY and LIMIT behind a set operation or a grouped statement. */
function tail(node: Node, relation: Relation, context: StatementContext): Relation {
  const limit = limitOf(node, context)
  const scope = { ranges: [{ alias: undefined, columns: relation.columns, offset: 0 }] }
  const orders = children(child(node, 'orderby'), 'exprs').map((item) => {
    const index = item.node_type === 'NumericLiteral' ? Number(item.token!.literal) - 1 : undefined
    const made =
      index === undefined
        ? compileExpression(item, { context, scope, compileQuery })
        : compileExpression(
            { ...item, node_type: 'Identifier', token: { ...item.token!, literal: relation.columns[index]!.name } },
            { context, scope, compileQuery },
          )
    return { made, descending: keyword(child(item, 'order')) === 'DESC' }
  })
  if (orders.length === 0 && limit.count === undefined) return relation
  read(orders.map(({ made }) => made))
  return {
    columns: relation.columns.map(withoutDirect),
    *rows() {
      const rows = orders.length > 0 ? sorted(relation.rows(), orders) : relation.rows()
      let index = 0
      for (const row of rows) {
        if (index >= limit.offset + (limit.count ?? Number.POSITIVE_INFINITY)) return
        if (index++ >= limit.offset) yield row
      }
    },
  }
}

function* filtered(rows: Iterable<readonly Value[]>, condition: Expression | undefined) {
  for (const row of rows) if (!condition || condition.value(row) === 'true') yield row
}

/** Rows of the tables with the outputs behind them, so that ORDER BY can name both. */
function* plain(rows: Iterable<readonly Value[]>, outputs: readonly Output[], filters: readonly Expression[]) {
  for (const row of rows) {
    const whole = [...row, ...outputs.map(({ made }) => made.value(row))]
    if (filters.every((filter) => filter.value(whole) === 'true')) yield whole
  }
}

function* groups(
  rows: Iterable<readonly Value[]>,
  keys: readonly Expression[],
  outputs: readonly Output[],
  filters: readonly Expression[],
) {
  const found = new Map<string, (readonly Value[])[]>()
  for (const row of rows) {
    const key = JSON.stringify(keys.map((expression) => expression.value(row)))
    const group = found.get(key)
    if (group) group.push(row)
    else found.set(key, [row])
  }
  if (keys.length === 0 && found.size === 0) found.set('', [])
  for (const group of found.values()) {
    const first = group[0] ?? []
    const whole = [...first, ...outputs.map(({ made }) => made.value(first, group))]
    if (filters.every((filter) => filter.value(whole, group) === 'true')) yield whole
  }
}

function* unique(rows: Iterable<readonly Value[]>) {
  const seen = new Set<string>()
  for (const row of rows) {
    const key = JSON.stringify(row)
    if (!seen.has(key)) yield row
    seen.add(key)
  }
}

function sorted(rows: Iterable<readonly Value[]>, orders: readonly { made: Expression; descending: boolean }[]) {
  const keyed = [...rows].map((row) => ({ row, keys: orders.map(({ made }) => made.value(row)) }))
  keyed.sort((a, b) => {
    for (const [index, { made, descending }] of orders.entries()) {
      const order = compare(a.keys[index]!, b.keys[index]!, made.field.type)
      if (order !== 0) return descending ? -order : order
    }
    return 0
  })
  return keyed.map(({ row }) => row)
}

export function unsupported(): ApiError {
  return new ApiError(501, 'notImplemented', 'The stand-in needs a canned answer for this statement')
}

/** The columns as a result's schema. */
export function schemaOf(relation: Relation): FieldSchema[] {
  let unnamed = 0
  return relation.columns
    .filter(({ hidden }) => !hidden)
    .map(({ name, field }) => ({
      ...field,
      name: /^f\d+_$/.test(name) ? `f${unnamed++}_` : name,
      mode: field.mode ?? 'NULLABLE',
    }))
}
