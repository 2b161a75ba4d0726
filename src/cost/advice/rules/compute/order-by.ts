import type { Suggestion } from '../../suggestion.ts'
import { functionName } from '../../syntax/names.ts'
import type { SqlNode } from '../../syntax/tree.ts'
import type { RuleInput } from '../rule.ts'

/** Aggregates that keep the order of their rows in practice. */
const ordered = new Set(['ARRAY_AGG', 'STRING_AGG', 'ARRAY_CONCAT_AGG'])

/**
 * ORDER BY without LIMIT: one worker sorts the whole result. In a subquery the order means nothing; the rewrite removes it. BigQuery:
 * "Optimize ORDER BY" (docs/best-practices-performance-compute).
 */
export function* orderBy({ statement, text, used }: RuleInput): Generator<Suggestion> {
  const isOnlyRead = (query: SqlNode) => {
    const readers = used.readersOf(query)
    const isOrdered = ({ select }: (typeof readers)[number]) =>
      [...select.node.walk()].some((each) => ordered.has(functionName(each) ?? ''))
    return readers.length > 0 && !readers.some(isOrdered)
  }
  for (const { node } of statement.selects) {
    const clause = node.one('orderby')
    if (!clause || node.one('limit')) continue
    if (node === statement.node) {
      yield {
        rule: 'order_by_without_limit',
        message:
          'ORDER BY without LIMIT sorts the whole result on one worker, which is slow and may exceed its memory: add a LIMIT, or sort where the result is read.',
        result: 'same',
        saves: 'compute',
      }
    } else if (isOnlyRead(node) && !node.one('as_struct_or_value')) {
      yield {
        rule: 'order_by_in_subquery',
        message: 'ORDER BY in a subquery without LIMIT does not order the result: remove it.',
        edits: [{ start: startWithSpace(text, clause), end: clause.end, text: '' }],
        result: 'same',
        saves: 'compute',
      }
    }
  }
}

/** Start of a clause with the blanks before it. */
function startWithSpace(text: string, { start }: SqlNode): number {
  let at = start
  while (at > 0 && (text[at - 1] === ' ' || text[at - 1] === '\t')) at--
  return at
}
