import type { Suggestion } from '../../suggestion.ts'
import { aggregates } from '../../syntax/statement.ts'
import { bytesText, type RuleInput, tableName } from '../rule.ts'

/** Smallest table for which the size of a LIMIT matters, in bytes: below, the minimum of the bill counts. */
const MIN_BYTES = 10 << 20

/**
 * `SELECT ... FROM t LIMIT n`: the LIMIT does not change what is billed. A preview of whole rows is free by tabledata.list.
 * BigQuery: "Don't run queries to explore or preview table data", "Don't use LIMIT to reduce costs in non-clustered tables"
 * (docs/best-practices-costs).
 */
export function* limit(input: RuleInput): Generator<Suggestion> {
  const { statement } = input
  for (const select of statement.selects) {
    const clause = select.node.one('limit')
    const [relation] = select.relations
    const facts = relation && input.factsOf(relation)
    if (!clause || !facts || select.relations.length !== 1 || aggregates(select)) continue
    if (facts.bytes !== undefined && facts.bytes < MIN_BYTES) continue
    const { node } = select
    const isPlain = !select.where && !node.one('orderby') && !node.one('qualify') && !node.one('distinct_or_all')
    const isPreview = isPlain && node === statement.node && facts.kind === 'TABLE'
    const size = facts.bytes === undefined ? 'the whole table' : `all of its ${bytesText(facts.bytes)}`
    if (isPreview)
      yield {
        rule: 'preview',
        message: `LIMIT does not lower the bill: the columns are read from ${size}. Rows for a preview are free with tabledata.list: bq head -n ${clause.one('expr')?.token ?? '10'} ${bqName(relation.path)}.`,
        result: 'same',
        saves: 'compute',
      }
    else if (!facts.clusterColumns?.length && isPlain)
      yield {
        rule: 'limit',
        message: `LIMIT does not lower the bill of ${tableName(relation)}, which is not clustered: add a condition on a partition column, or read fewer columns.`,
        result: 'example',
        saves: 'compute',
      }
  }
}

/** A table as `bq` names it: `project:dataset.table`. */
function bqName(path: readonly string[]): string {
  return path.length > 2 ? `${path.slice(0, -2).join('.')}:${path.slice(-2).join('.')}` : path.join('.')
}
