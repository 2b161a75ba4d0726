import { constant, type Fields, json, leftOut, optionalFlag, options, text } from '../../query/seal/fields.ts'
import type { Purpose, Query } from '../../query/types.ts'

/** Encoding of a query in tickets and in handles of prepared statements. */
export const queryFields: Fields<Query> = {
  source: text('s'),
  sql: text('q'),
  session: options('o'),
  transaction: json('t'),
  rawCommand: optionalFlag('p'),
  // Only planning uses the purpose; running uses the plan's kind.
  purpose: constant<Purpose>('any'),
  // Parameters are encoded separately: see `BoundParameters`.
  parameters: leftOut,
  // Only planning uses these.
  describe: leftOut,
  estimate: leftOut,
}
