import type { Edit, Suggestion } from '../../suggestion.ts'
import { columnUses } from '../../syntax/columns.ts'
import { aliasOf, pathOf } from '../../syntax/names.ts'
import { aggregates, type Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import { hasPositionalParameters, type RuleInput } from '../rule.ts'

/**
 * Columns of a WITH query or a subquery that nothing around it uses. BigQuery: "Query only the data you need"
 * (docs/best-practices-costs); the linter bqvalid has the rule "unused column in CTE".
 */
export function* unusedColumns(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects) {
    const { node } = select
    if (node.one('distinct_or_all') || node.one('as_struct_or_value') || isOperand(node)) continue
    // Without its aggregates, a query that returns one row would return many.
    if (aggregates(select) && !node.one('groupby')) continue
    const used = input.used.ofQuery(node)
    if (used === 'all' || used.size === 0) continue
    const names = select.items.map(nameOf)
    if (names.some((name) => name === undefined) || hasOrdinals(node)) continue
    const inner = usedInside(select)
    const unused = select.items.filter((_, index) => {
      const name = names[index]!.toLowerCase()
      return !used.has(name) && !inner.has(name)
    })
    if (unused.some(hasPositionalParameters)) continue
    if (unused.length === 0 || unused.length === select.items.length) continue
    const edits = removal(select.items, new Set(unused))
    const shown = unused.map((item) => nameOf(item)!)
    yield {
      rule: 'unused_columns',
      message: `Nothing uses the ${unused.length === 1 ? 'column' : 'columns'} ${shown.slice(0, 8).join(', ')}${shown.length > 8 ? ', ...' : ''} of a subquery: remove ${unused.length === 1 ? 'it' : 'them'}.`,
      edits,
      result: 'same',
      saves: 'bytes',
    }
  }
}

/** Whether the columns of a query match those of another query by position. */
function isOperand(node: SqlNode): boolean {
  let { parent } = node
  while (parent?.type === 'GroupedStatement') parent = parent.parent
  return parent?.type === 'SetOperator'
}

function nameOf(item: SqlNode): string | undefined {
  if (item.type === 'Asterisk' || item.one('right')?.type === 'Asterisk') return undefined
  return aliasOf(item) ?? pathOf(item)?.at(-1)
}

/** Whether ORDER BY or GROUP BY count columns. */
function hasOrdinals(node: SqlNode): boolean {
  return ['groupby', 'orderby'].some((name) =>
    (node.one(name)?.many('exprs') ?? []).some(({ type, token }) => type === 'NumericLiteral' || token === 'ALL'),
  )
}

/** Names that the clauses of the SELECT use, which may be names of its own columns. */
function usedInside({ node }: Select): ReadonlySet<string> {
  const clauses = ['groupby', 'having', 'qualify', 'orderby', 'window'].flatMap((name) => node.one(name) ?? [])
  return new Set(clauses.flatMap((clause) => columnUses(clause).map(({ path }) => path[0] ?? '')))
}

/** Removes items of a list together with the comma before or after them. */
function removal(items: readonly SqlNode[], unused: ReadonlySet<SqlNode>): readonly Edit[] {
  const kept = items.filter((item) => !unused.has(item))
  return items.flatMap((item, index) => {
    if (!unused.has(item)) return []
    const next = items[index + 1]
    // Before the first kept item the comma after goes, later the comma before.
    if (item.start < kept[0]!.start) return [{ start: item.start, end: next!.start, text: '' }]
    const before = items[index - 1]!
    return [{ start: before.end, end: item.end, text: '' }]
  })
}
