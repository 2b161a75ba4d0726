import { constant, type Fields, json, leftOut, optionalFlag, options, text } from '../../query/seal/fields.ts'
import type { Purpose, Query } from '../../query/types.ts'

/** How a query travels in tickets and prepared statements. */
export const queryFields: Fields<Query> = {
  source: text('s'),
  sql: text('q'),
  session: options('o'),
  transaction: json('t'),
  rawCommand: optionalFlag('p'),
  // Planning has looked at the purpose already; who runs the statement asks its kind.
  purpose: constant<Purpose>('any'),
  // Bound parameters travel beside the query: see `BoundParameters`.
  parameters: leftOut,
  // Only planning looks at it.
  describe: leftOut,
}
