import type { TableFacts } from '../../../../query/billing/source-cost.ts'
import type { Suggestion } from '../../suggestion.ts'
import { columnUses } from '../../syntax/columns.ts'
import { pathOf, quoted } from '../../syntax/names.ts'
import type { Relation, Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { bytesText, type RuleInput, tableName } from '../rule.ts'
import { unionOf } from './union.ts'

/** Bytes of a value. BigQuery: "Data type sizes" (docs/data-types, pricing). */
const widths: Readonly<Record<string, number>> = {
  INT64: 8,
  INTEGER: 8,
  FLOAT64: 8,
  FLOAT: 8,
  NUMERIC: 16,
  BIGNUMERIC: 32,
  BOOL: 1,
  BOOLEAN: 1,
  DATE: 8,
  DATETIME: 8,
  TIME: 8,
  TIMESTAMP: 8,
  INTERVAL: 16,
}

/**
 * `SELECT *` of a table. Where the query around it shows which columns are used, the rewrite names them; the star of a whole
 * result has only an example. BigQuery: "Avoid SELECT *" (docs/best-practices-costs, "Query only the data you need").
 */
export function* selectStar(input: RuleInput): Generator<Suggestion> {
  const done = new Set<SqlNode>()
  for (const select of input.statement.selects) {
    if (done.has(select.node)) continue
    const union = unionOf(input, select)
    if (union) {
      for (const { node } of union.selects) done.add(node)
      if (union.selects.length > 0) yield* starsOfUnion(input, union.selects, union.query)
      continue
    }
    const isDistinct = select.node.one('distinct_or_all')?.word === 'DISTINCT'
    const used = isDistinct ? 'all' : input.used.ofQuery(select.node)
    for (const item of select.items) {
      const star = starOf(item)
      if (!star) continue
      const relations = relationsOf(item, select)
      const tables = relations.flatMap((relation) => {
        const facts = input.factsOf(relation)
        return facts ? [{ relation, facts }] : []
      })
      if (tables.length === 0 || tables.length < relations.length) continue
      yield used === 'all' ? wholeStar(select, star, tables) : narrowStar(select, item, star, tables, used)
    }
  }
}

interface Table {
  readonly relation: Relation
  readonly facts: TableFacts
}

function starOf(item: SqlNode): SqlNode | undefined {
  if (item.type === 'Asterisk') return item
  const right = item.type === 'DotOperator' ? item.one('right') : undefined
  return right?.type === 'Asterisk' && pathOf(item.one('left'))?.length === 1 ? right : undefined
}

function relationsOf(item: SqlNode, select: Select): readonly Relation[] {
  if (item.type === 'Asterisk') return select.relations
  const name = pathOf(item.one('left'))![0]!.toLowerCase()
  return select.relations.filter((relation) => relation.name === name)
}

/** Names in EXCEPT, in lower case. */
function excludedBy(star: SqlNode): readonly string[] {
  const node = star.one('except')
  return node ? columnUses(node).map(({ path }) => path[0]!) : []
}

function narrowStar(
  select: Select,
  item: SqlNode,
  star: SqlNode,
  tables: readonly Table[],
  used: ReadonlySet<string>,
): Suggestion {
  const excluded = excludedBy(star)
  const columns = tables.flatMap(({ relation, facts }) =>
    facts.columns
      .map(({ name }) => name)
      .filter((name) => !excluded.includes(name.toLowerCase()) && used.has(name.toLowerCase()))
      .map((name) =>
        select.relations.length > 1 ? `${quoted(relation.writtenName ?? name)}.${quoted(name)}` : quoted(name),
      ),
  )
  const names = tables.map(({ relation }) => tableName(relation)).join(' and ')
  const total = tables.reduce((sum, { facts }) => sum + facts.columns.length, 0)
  const isWritable = columns.length > 0 && columns.length < total && !star.one('replace')
  return {
    rule: 'select_star',
    message: `SELECT * reads all ${total} columns of ${names}, and the statement uses ${columns.length} of them: name these${isWritable && columns.length <= 8 ? ` (${columns.join(', ')})` : ''}.`,
    ...(isWritable && { edits: [{ start: item.start, end: item.end, text: columns.join(', ') }] }),
    result: 'same',
    saves: 'bytes',
  }
}

/** A star whose columns are the result: only the user knows which ones matter. The example leaves out the texts. */
function wholeStar(select: Select, star: SqlNode, tables: readonly Table[]): Suggestion {
  const [{ relation, facts }] = tables as readonly [Table]
  const total = tables.reduce((sum, { facts }) => sum + facts.columns.length, 0)
  const wide = facts.columns.filter(({ type }) => widths[baseType(type)] === undefined)
  const fixedBytes = facts.columns.reduce((sum, { type }) => sum + (widths[baseType(type)] ?? 0), 0) * (facts.rows ?? 0)
  const share =
    facts.rows && facts.bytes && wide.length > 0 && facts.bytes > fixedBytes
      ? Math.round(((facts.bytes - fixedBytes) / facts.bytes) * 100)
      : undefined
  const size = facts.bytes === undefined ? '' : ` (${bytesText(facts.bytes)})`
  const elsewhere = new Set(
    columnUses(select.node)
      .filter(({ node }) => node !== star)
      .map(({ path }) => path.at(-1)),
  )
  const except = wide.map(({ name }) => name).filter((name) => !elsewhere.has(name.toLowerCase()))
  const isWritable =
    tables.length === 1 &&
    select.items.length === 1 &&
    !star.one('except') &&
    !star.one('replace') &&
    except.length > 0 &&
    except.length < facts.columns.length
  const parts = [
    `SELECT * reads all ${total} columns of ${tables.map(({ relation }) => tableName(relation)).join(' and ')}${tables.length === 1 ? size : ''}: name the columns that you need.`,
  ]
  if (tables.length === 1 && share !== undefined)
    parts.push(
      `Its ${wide.length} text and nested columns are about ${share} % of it, each number or date about ${bytesText(8 * facts.rows!)}.`,
    )
  return {
    rule: 'select_star',
    message: parts.join(' '),
    ...(isWritable && {
      example: `As an example, this leaves out the text and nested columns of ${tableName(relation)}.`,
      edits: [{ start: star.start, end: star.end, text: `* EXCEPT (${except.map(quoted).join(', ')})` }],
    }),
    result: 'example',
    saves: 'bytes',
  }
}

function baseType(type: string): string {
  return type.toUpperCase().replace(/[(<].*$/, '')
}

/** Stars of tables with the same columns below UNION ALL: all of them are narrowed together. */
function* starsOfUnion(input: RuleInput, selects: readonly Select[], query: SqlNode): Generator<Suggestion> {
  const used = input.used.ofQuery(query)
  const tables = selects.map((select) => input.factsOf(select.relations[0]!)!)
  const names = tables[0]!.columns.map(({ name }) => name)
  if (used === 'all') return
  const columns = names.filter((name) => used.has(name.toLowerCase()))
  if (columns.length === 0 || columns.length === names.length) return
  const text = columns.map(quoted).join(', ')
  yield {
    rule: 'select_star',
    message: `SELECT * reads all ${names.length} columns of ${selects.length} tables below UNION ALL, and the statement uses ${columns.length} of them: name these${columns.length <= 8 ? ` (${columns.join(', ')})` : ''}.`,
    edits: selects.map(({ items }) => ({ start: items[0]!.start, end: items[0]!.end, text })),
    result: 'same',
    saves: 'bytes',
  }
}
