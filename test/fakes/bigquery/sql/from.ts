import { invalidQuery } from '../api-error.ts'
import { type FieldSchema, single, type Value } from '../schema.ts'
import type { FakeTable } from '../table.ts'
import { addConditions } from './conditions.ts'
import { read, type StatementContext } from './context.ts'
import { child, children, keyword, type Node, pathOf, place, statementsOf } from './cst.ts'
import { aliasOf, type CompileQuery, compileExpression, type Expression } from './expression.ts'
import type { Column, Relation, Scan, ValueSource } from './scan.ts'
import type { Range, Scope } from './scope.ts'

/** What a FROM offers to the rest of its SELECT. */
export interface From {
  readonly ranges: readonly Range[]
  readonly width: number
  /** Positions that USING merges into one column of `*`. */
  readonly merged?: ReadonlySet<string>
  rows(): Iterable<readonly Value[]>
  readonly source?: ValueSource
}

/** @throws ApiError for tables and names that do not exist */
export function compileFrom(
  node: Node,
  context: StatementContext,
  compileQuery: CompileQuery,
  outer: Scope | undefined,
  offset = 0,
  left: readonly Range[] = [],
): From {
  if (node.node_type === 'JoinOperator') return join(node, context, compileQuery, outer, offset, left)
  if (node.node_type === 'GroupedExpr')
    return compileFrom(child(node, 'expr')!, context, compileQuery, outer, offset, left)
  if (node.node_type === 'CallingUnnest') return unnest(node, context, compileQuery, outer, offset, left)
  const path = pathOf(node)
  if (path && left.some(({ alias }) => path.length > 1 && alias?.toLowerCase() === path[0]!.toLowerCase()))
    return unnest(node, context, compileQuery, outer, offset, left)
  const relation = path ? named(path, context, compileQuery) : compileQuery(node, context, outer)
  const alias = aliasOf(node) ?? path?.at(-1)
  const range = { alias, columns: relation.columns, offset }
  return {
    ranges: [range],
    width: relation.columns.length,
    rows: () => relation.rows(),
    ...(relation.source && { source: relation.source }),
  }
}

function named(path: readonly string[], context: StatementContext, compileQuery: CompileQuery): Relation {
  const query = path.length === 1 ? context.namedQuery(path[0]!) : undefined
  if (query) return query()
  const parts = path.length === 1 ? path[0]!.split('.') : path
  const tables = context.tables.resolve(parts, context.project, context.defaultDataset)
  const [first] = tables
  if (first!.declaration.query !== undefined && first!.kind === 'VIEW') return view(first!, context, compileQuery)
  const wildcard = parts.at(-1)!.endsWith('*')
  return tableRelation(tables, wildcard ? parts.at(-1)!.length - 1 : undefined, context)
}

function view(table: FakeTable, context: StatementContext, compileQuery: CompileQuery): Relation {
  const saved = context.named.splice(0)
  try {
    return compileQuery(statementsOf(table.declaration.query!)[0]!, context)
  } finally {
    context.named.push(...saved)
  }
}

/** A table, or the shards of a wildcard with `_TABLE_SUFFIX`. */
export function tableRelation(
  tables: readonly FakeTable[],
  prefixLength: number | undefined,
  context: StatementContext,
  rewrite = false,
): Relation {
  const scan: Scan = {
    tables,
    columns: new Set(),
    conditions: [],
    ...(prefixLength !== undefined && { prefixLength }),
    ...(rewrite && { rewrite }),
  }
  context.scans.push(scan)
  // A wildcard has the schema of its newest shard.
  const newest = tables.at(-1)!
  const columns = newest.schema.map((field): Column => {
    const ref = [{ scan, column: field.name }]
    return { name: field.name, field, refs: ref, direct: ref }
  })
  const pseudo: Column[] = []
  const add = (name: string, type: string, column = name) => {
    const direct = [{ scan, column }]
    pseudo.push({ name, field: { name, type, mode: 'NULLABLE' }, refs: [], direct, hidden: true })
  }
  if (prefixLength !== undefined) add('_TABLE_SUFFIX', 'STRING')
  if (newest.declaration.partitioning?.column === '_PARTITIONTIME') {
    add('_PARTITIONTIME', 'TIMESTAMP')
    add('_PARTITIONDATE', 'DATE')
  }
  const [only, ...others] = tables
  const plain = others.length === 0 && pseudo.length === 0
  const { length, repeatsAfter } = only!.rows
  const source = {
    length,
    ...(repeatsAfter && { repeatsAfter }),
    at: (index: number) => only!.rows.at(index).f.map(({ v }) => v),
  }
  return {
    columns: [...columns, ...pseudo],
    ...(plain && { source }),
    *rows() {
      for (const table of tables)
        for (let index = 0; index < table.rows.length; index++) {
          const values = table.rows.at(index).f.map(({ v }) => v)
          const hidden = pseudo.map(({ name }) => (name === '_TABLE_SUFFIX' ? table.name.slice(prefixLength) : null))
          yield [...values, ...hidden]
        }
    },
  }
}

function unnest(
  node: Node,
  context: StatementContext,
  compileQuery: CompileQuery,
  outer: Scope | undefined,
  offset: number,
  left: readonly Range[],
): From {
  const list = node.node_type === 'CallingUnnest' ? children(node, 'args')[0]! : node
  const made = compileExpression(list, { context, scope: { ranges: left, outer }, compileQuery })
  // The number of elements must be read even if their values are not.
  read([made])
  const alias = aliasOf(node)
  const item = single(made.field)
  const name = alias ?? 'f0_'
  const value: Column = { name, field: { ...item, name }, refs: made.refs }
  const fields: Column[] = (item.fields ?? []).map((field: FieldSchema) => ({
    name: field.name,
    field,
    refs: made.refs,
  }))
  const isRecord = fields.length > 0
  const withOffset = child(node, 'with_offset')
  const offsets: Column[] = withOffset
    ? [
        {
          name: aliasOf(withOffset) ?? 'offset',
          field: { name: 'offset', type: 'INTEGER', mode: 'NULLABLE' },
          refs: [],
        },
      ]
    : []
  const columns = [...(isRecord ? fields : [value]), ...offsets]
  return {
    ranges: [{ alias, columns, offset }],
    width: columns.length,
    rows: () => elements(made, [], isRecord, offsets.length > 0),
    ...{ lateral: (row: readonly Value[]) => elements(made, row, isRecord, offsets.length > 0) },
  }
}

function* elements(made: Expression, row: readonly Value[], isRecord: boolean, withOffset: boolean) {
  const value = made.value(row)
  if (!Array.isArray(value)) return
  for (const [index, { v }] of value.entries()) {
    const cells = isRecord && v !== null ? (v as { f: { v: Value }[] }).f.map((cell) => cell.v) : [v]
    yield withOffset ? [...cells, String(index)] : cells
  }
}

type Lateral = From & { lateral?(row: readonly Value[]): Iterable<readonly Value[]> }

function join(
  node: Node,
  context: StatementContext,
  compileQuery: CompileQuery,
  outer: Scope | undefined,
  offset: number,
  before: readonly Range[],
): From {
  const left = compileFrom(child(node, 'left')!, context, compileQuery, outer, offset, before)
  const known = [...before, ...left.ranges]
  const at = offset + left.width
  const right: Lateral = compileFrom(child(node, 'right')!, context, compileQuery, outer, at, known)
  const kind = keyword(child(node, 'join_type')) || 'INNER'
  const ranges = [...left.ranges, ...right.ranges]
  const within = { context, scope: { ranges, outer }, compileQuery }
  const on = child(child(node, 'on'), 'expr')
  const condition = on && compileExpression(on, within)
  if (condition) read([condition])
  if (on && kind === 'INNER') addConditions(on, within)
  const merged = new Set([...(left.merged ?? []), ...(right.merged ?? [])])
  const pairs = children(child(node, 'using'), 'args').map((item) => {
    const name = pathOf(item)![0]!.toLowerCase()
    const [a, b] = [left.ranges, right.ranges].map((side) => positionOf(name, side))
    if (!a || !b) throw invalidQuery(`Column ${name} in USING clause not found at ${place(item)}`)
    read([a.column, b.column])
    merged.add(String(b.position))
    return [a.position, b.position] as const
  })
  return {
    ranges,
    width: left.width + right.width,
    merged,
    *rows() {
      const inner = right.lateral ? undefined : [...right.rows()]
      for (const row of left.rows()) {
        let matched = false
        for (const other of inner ?? right.lateral!(pad(row, offset))) {
          const whole = pad([...row, ...other], offset)
          if (condition && condition.value(whole) !== 'true') continue
          if (!pairs.every(([a, b]) => whole[a] !== null && whole[a] === whole[b])) continue
          matched = true
          yield whole.slice(offset)
        }
        if (!matched && kind === 'LEFT') yield [...row, ...new Array<Value>(right.width).fill(null)]
      }
    },
  }
}

/** Expressions count positions from the start of the whole FROM. */
function pad(row: readonly Value[], offset: number): readonly Value[] {
  return offset === 0 ? row : [...new Array<Value>(offset).fill(null), ...row]
}

function positionOf(name: string, ranges: readonly Range[]) {
  for (const { columns, offset } of ranges) {
    const index = columns.findIndex((column) => column.name.toLowerCase() === name)
    if (index >= 0) return { column: columns[index]!, position: offset + index }
  }
  return undefined
}
