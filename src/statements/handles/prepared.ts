import { GatewayError } from '../../query/errors.ts'
import { inline, json, record } from '../../query/seal/fields.ts'
import { sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'
import type { Query } from '../../query/types.ts'
import { queryFields } from './query-fields.ts'

/** Where the bound parameters of a statement are: in the sealed text itself, or in the state store. */
export interface BoundParameters {
  /** Base64 of an Arrow IPC stream. */
  readonly inline?: string
  readonly key?: string
}

/** A prepared statement; its handle holds all of it, so that any replica can run it. */
export interface PreparedStatement {
  readonly query: Query
  readonly bound?: BoundParameters
}

/** Handles of prepared statements, with their parameters if some are bound. */
export const preparedHandles = sealed<PreparedStatement>(
  SealKind.prepared,
  record<PreparedStatement>({ query: inline(queryFields), bound: json('b') }),
  {
    onUnreadable: (cause) => new GatewayError('BAD_HANDLE', undefined, { cause }),
    onExpired: () => new GatewayError('EXPIRED_TICKET', 'The prepared statement has expired: prepare it again.'),
  },
)
