import { invalidQuery } from '../api-error.ts'
import type { Row, Value } from '../schema.ts'
import type { FakeTable } from '../table.ts'
import { addConditions } from './conditions.ts'
import type { StatementContext } from './context.ts'
import { read } from './context.ts'
import { child, children, keyword, type Node, pathOf, place, walk } from './cst.ts'
import { aliasOf, compileAssigned, compileExpression } from './expression.ts'
import { compileFrom, tableRelation } from './from.ts'
import { asType } from './operators.ts'
import { compileQuery, unsupported } from './query.ts'
import type { Scan } from './scan.ts'
import type { StatementResult } from './statement.ts'
import { restRow } from './values.ts'

/** Rows that a DML statement touched, as `statistics.query.dmlStats` tells them. */
export interface DmlStats {
  readonly insertedRowCount?: string
  readonly updatedRowCount?: string
  readonly deletedRowCount?: string
}

interface Made {
  readonly type: string
  run(): StatementResult
}

/**
 * Compiles INSERT, UPDATE, DELETE and TRUNCATE, which then change the declared table; MERGE is estimated only.
 * UPDATE, DELETE and MERGE count what they read, and besides it all columns of the partitions that they rewrite, as BigQuery's pricing of DML says.
 * @throws ApiError
 */
export function compileDml(node: Node, context: StatementContext): Made {
  const target = child(node, 'table_name') ?? child(node, 'target_name')!
  const table = context.tables.resolve(pathOf(target)!, context.project, context.defaultDataset)[0]!
  switch (node.node_type) {
    case 'InsertStatement':
      return insert(node, table, context)
    case 'UpdateStatement':
    case 'DeleteStatement':
      return change(node, table, context)
    case 'TruncateStatement':
      return { type: 'TRUNCATE_TABLE', run: () => replaced(table, [], { deletedRowCount: String(table.numRows) }) }
    default:
      return merge(node, table, context)
  }
}

function replaced(table: FakeTable, rows: readonly Row[], dml: DmlStats): StatementResult {
  table.replaceRows(rows)
  return { dml }
}

function rowsOf(table: FakeTable): Row[] {
  return Array.from({ length: table.rows.length }, (_, index) => table.rows.at(index))
}

function insert(node: Node, table: FakeTable, context: StatementContext): Made {
  const names = children(child(node, 'columns'), 'exprs').map((item) => pathOf(item)![0]!.toLowerCase())
  const positions = (names.length > 0 ? names : table.schema.map(({ name }) => name.toLowerCase())).map((name) => {
    const index = table.schema.findIndex((field) => field.name.toLowerCase() === name)
    if (index < 0) throw invalidQuery(`Column ${name} is not present in table ${table.path} at ${place(node)}`)
    return index
  })
  const input = child(node, 'input')!
  const tuples = input.node_type === 'KeywordWithExprs' ? children(input, 'exprs') : undefined
  const within = { context, scope: { ranges: [] }, compileQuery }
  const values = tuples?.map((tuple) =>
    (tuple.node_type === 'StructLiteral' || tuple.node_type === 'GroupedExprs'
      ? children(tuple, 'exprs')
      : [child(tuple, 'expr') ?? tuple]
    ).map((item, at) => compileAssigned(item, within, table.schema[positions[at] ?? 0]!)),
  )
  const relation = values ? undefined : compileQuery(input, context)
  if (relation) read(relation.columns)
  return {
    type: 'INSERT',
    run() {
      const given: (readonly Value[])[] = values
        ? values.map((items) =>
            items.map(({ field, value }, index) =>
              asType({ field, value: value([]) }, table.schema[positions[index]!]!.type),
            ),
          )
        : [...relation!.rows()]
      const added = given.map((cells) => {
        const row = new Array<Value>(table.schema.length).fill(null)
        for (const [index, value] of cells.entries()) row[positions[index]!] = value
        return restRow(row)
      })
      return replaced(table, [...rowsOf(table), ...added], { insertedRowCount: String(added.length) })
    },
  }
}

function change(node: Node, table: FakeTable, context: StatementContext): Made {
  const relation = tableRelation([table], undefined, context)
  const scan = context.scans.at(-1)!
  const alias = aliasOf(child(node, 'table_name') ?? node) ?? table.name
  const from = child(child(node, 'from'), 'expr')
  const others = from ? compileFrom(from, context, compileQuery, undefined, relation.columns.length).ranges : []
  const ranges = [{ alias, columns: relation.columns, offset: 0 }, ...others]
  const within = { context, scope: { ranges }, compileQuery }
  const where = child(child(node, 'where'), 'expr')
  const condition = where && compileExpression(where, within)
  if (where) addConditions(where, within)
  if (condition) read([condition])
  rewritten(table, context, scan)
  const sets = children(child(node, 'set'), 'exprs').map((item) => {
    const name = pathOf(child(item, 'left'))!.at(-1)!.toLowerCase()
    const index = table.schema.findIndex((field) => field.name.toLowerCase() === name)
    const made = compileAssigned(child(item, 'right')!, within, table.schema[index]!)
    read([made])
    return { index, made }
  })
  const update = node.node_type === 'UpdateStatement'
  return {
    type: update ? 'UPDATE' : 'DELETE',
    run() {
      if (from) throw unsupported()
      let count = 0
      const kept = rowsOf(table).flatMap((row): Row[] => {
        const values = row.f.map(({ v }) => v)
        if (condition && condition.value(values) !== 'true') return [row]
        count++
        if (!update) return []
        const changed = [...values]
        for (const { index, made } of sets)
          changed[index] = asType({ field: made.field, value: made.value(values) }, table.schema[index]!.type)
        return [restRow(changed)]
      })
      return replaced(table, kept, update ? { updatedRowCount: String(count) } : { deletedRowCount: String(count) })
    },
  }
}

/** What is rewritten is limited by the same conditions. */
function rewritten(table: FakeTable, context: StatementContext, like?: Scan): void {
  read(tableRelation([table], undefined, context, true).columns)
  context.scans.at(-1)!.conditions.push(...(like?.conditions ?? []))
}

/** MERGE reads what its conditions and values name; it rewrites the target only where a clause updates or deletes. */
function merge(node: Node, table: FakeTable, context: StatementContext): Made {
  const target = tableRelation([table], undefined, context)
  const scan = context.scans.at(-1)!
  const alias = aliasOf(child(node, 'table_name')!) ?? table.name
  const using = child(child(node, 'using'), 'expr')!
  const source = compileFrom(using, context, compileQuery, undefined, target.columns.length)
  const ranges = [{ alias, columns: target.columns, offset: 0 }, ...source.ranges]
  const within = { context, scope: { ranges }, compileQuery }
  const on = child(child(node, 'on'), 'expr')!
  read([compileExpression(on, within)])
  addConditions(on, within)
  let rewrites = false
  for (const clause of children(node, 'whens')) {
    const action = child(child(clause, 'then'), 'stmt')
    rewrites ||= action?.node_type !== 'InsertStatement'
    for (const part of walk(clause)) {
      const right = part.node_type === 'BinaryOperator' && keyword(part) === '=' ? child(part, 'right') : undefined
      if (right) read([compileExpression(right, within)])
      if (part.node_type === 'KeywordWithExprs' && keyword(part) === 'VALUES')
        for (const tuple of children(part, 'exprs'))
          for (const item of children(tuple, 'exprs')) read([compileExpression(item, within)])
    }
  }
  if (rewrites) rewritten(table, context, scan)
  return {
    type: 'MERGE',
    run() {
      throw unsupported()
    },
  }
}
