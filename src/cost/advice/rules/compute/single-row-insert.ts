import type { Suggestion } from '../../suggestion.ts'
import { pathOf } from '../../syntax/names.ts'
import type { RuleInput } from '../rule.ts'

/**
 * INSERT of one row. BigQuery: "Avoid DML statements that update or insert single rows" (docs/best-practices-performance-compute).
 */
export function* singleRowInsert({ statement }: RuleInput): Generator<Suggestion> {
  const { node } = statement
  const input = node.type === 'InsertStatement' ? node.one('input') : undefined
  if (input?.word !== 'VALUES' || input.many('exprs').length !== 1) return
  const table = pathOf(node.one('target_name'))?.join('.') ?? 'the table'
  yield {
    rule: 'single_row_insert',
    message: `INSERT of a single row into ${table} takes a whole job, and jobs of one table wait for each other: collect rows and insert many at once.`,
    result: 'same',
    saves: 'compute',
  }
}
