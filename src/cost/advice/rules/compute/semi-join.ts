import type { Suggestion } from '../../suggestion.ts'
import { aggregates, unwrapped } from '../../syntax/statement.ts'
import type { RuleInput } from '../rule.ts'

/**
 * `IN (SELECT x FROM ...)` without DISTINCT or grouping. BigQuery: Google's list of antipatterns
 * (GoogleCloudPlatform/bigquery-antipattern-recognition, "SemiJoinWithoutAgg").
 */
export function* semiJoin({ statement }: RuleInput): Generator<Suggestion> {
  for (const node of statement.node.walk()) {
    const right = node.type === 'InOperator' ? node.one('right') : undefined
    const query = right && unwrapped(right)
    const select = query && statement.selects.find((each) => each.node === query)
    if (!select || select.relations.every(({ kind }) => kind === 'other')) continue
    const { node: inner } = select
    if (inner.one('distinct_or_all') || inner.one('limit') || inner.one('as_struct_or_value') || aggregates(select))
      continue
    const at = inner.tokenStart + inner.token.length
    yield {
      rule: 'semi_join',
      message: 'IN (SELECT ...) compares with repeated values: SELECT DISTINCT makes the list of values shorter.',
      edits: [{ start: at, end: at, text: ' DISTINCT' }],
      result: 'same',
      saves: 'compute',
    }
  }
}
