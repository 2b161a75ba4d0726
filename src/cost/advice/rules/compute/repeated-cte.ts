import type { Suggestion } from '../../suggestion.ts'
import type { RuleInput } from '../rule.ts'

/**
 * A common table expression that reads a table and is referenced more than once. BigQuery: "Multiple evaluations of common table
 * expressions", "Materialize results" (docs/best-practices-performance-compute).
 */
export function* repeatedCte({ statement }: RuleInput): Generator<Suggestion> {
  for (const { name, body, references } of statement.ctes) {
    const reads = statement.selects.some(
      ({ node, relations }) =>
        body.start <= node.start && node.end <= body.end && relations.some(({ kind }) => kind !== 'other'),
    )
    if (references.length < 2 || !reads) continue
    yield {
      rule: 'repeated_cte',
      message: `The statement uses the WITH query ${name} ${references.length} times, and BigQuery may compute it each time: put its result into a temporary table (CREATE TEMP TABLE ${name} AS ...) and read that.`,
      result: 'same',
      saves: 'compute',
    }
  }
}
