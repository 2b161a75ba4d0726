import type { Edit, Suggestion } from '../../suggestion.ts'
import { integerValue } from '../../syntax/literals.ts'
import { functionName, quoted } from '../../syntax/names.ts'
import type { Select } from '../../syntax/statement.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import type { RuleInput } from '../rule.ts'

/**
 * ROW_NUMBER() OVER (...) = 1 for the latest row of each key: ARRAY_AGG with LIMIT 1 keeps one row for each key instead of sorting
 * all. BigQuery: "Use aggregate analytic function to obtain the latest record" (docs/best-practices-performance-functions).
 */
export function* latestRow(input: RuleInput): Generator<Suggestion> {
  for (const select of input.statement.selects) {
    const number = firstRowCondition(select)
    if (!number) continue
    const edits = rewrite(select, number, input.text)
    yield {
      rule: 'latest_row',
      message:
        'ROW_NUMBER() = 1 sorts all rows to keep one of each key: ARRAY_AGG(... ORDER BY ... LIMIT 1)[OFFSET(0)] with GROUP BY keeps only that one.',
      ...(edits && { edits }),
      result: 'same',
      saves: 'compute',
    }
  }
}

/** The ROW_NUMBER that QUALIFY, or WHERE over a subquery, compares with 1. */
function firstRowCondition(select: Select): SqlNode | undefined {
  const qualify = select.node.one('qualify')?.one('expr')
  if (qualify) return isFirst(qualify) ? qualify.one('left') : undefined
  const [relation] = select.relations
  if (relation?.kind !== 'subquery' || select.relations.length !== 1) return undefined
  const inner = relation.node.one('stmt')
  return select.conjuncts.some((condition) => {
    const item = inner?.many('exprs').find((each) => functionName(each) === 'ROW_NUMBER')
    const alias = item?.one('alias')?.token.toLowerCase()
    const isOne = integerValue(condition.one('right')) === 1 && condition.token === '='
    return alias !== undefined && isOne && condition.one('left')?.token.toLowerCase() === alias
  })
    ? inner
    : undefined
}

function isFirst(condition: SqlNode): boolean {
  return (
    condition.type === 'BinaryOperator' &&
    (condition.token === '=' || condition.token === '<=') &&
    functionName(condition.one('left')) === 'ROW_NUMBER' &&
    integerValue(condition.one('right')) === 1
  )
}

/** `SELECT * FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY o) = 1` with ARRAY_AGG. */
function rewrite(select: Select, number: SqlNode, text: string): readonly Edit[] | undefined {
  const { node } = select
  const qualify = node.one('qualify')
  const [item] = select.items
  const [relation] = select.relations
  const window = number.one('over')?.one('window')
  const [keys, order] = [window?.one('partitionby'), window?.one('orderby')]
  const isPlain = ['groupby', 'having', 'distinct_or_all', 'as_struct_or_value', 'window', 'orderby', 'limit'].every(
    (name) => !node.one(name),
  )
  if (!isPlain || !qualify || !item || item.type !== 'Asterisk' || item.one('except') || item.one('replace'))
    return undefined
  if (!keys || !order || select.items.length !== 1 || select.relations.length !== 1) return undefined
  const name = relation?.writtenName
  if (name === undefined || keys.many('exprs').some(({ type }) => type !== 'Identifier' && type !== 'DotOperator'))
    return undefined
  const list = (clause: SqlNode) => text.slice(clause.many('exprs')[0]!.start, clause.end)
  return [
    {
      start: item.start,
      end: item.end,
      text: `AS VALUE ARRAY_AGG(${quoted(name)} ORDER BY ${list(order)} LIMIT 1)[OFFSET(0)]`,
    },
    { start: qualify.start, end: qualify.end, text: `GROUP BY ${list(keys)}` },
  ]
}
