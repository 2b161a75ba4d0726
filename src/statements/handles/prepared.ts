import { GatewayError } from '../../query/errors.ts'
import { inline, json, record } from '../../query/seal/fields.ts'
import { sealed } from '../../query/seal/sealed.ts'
import { SealKind } from '../../query/seal/sealer.ts'
import type { Query } from '../../query/types.ts'
import { queryFields } from './query-fields.ts'

/** Location of the bound parameters of a statement: inside the sealed handle, or in the shared state. */
export interface BoundParameters {
  /** Base64 of an Arrow IPC stream. */
  readonly inline?: string
  /** Key in the shared state. */
  readonly key?: string
}

/** A prepared statement. Its handle contains all of it, so any replica can run it. */
export interface PreparedStatement {
  readonly query: Query
  readonly bound?: BoundParameters
}

/** Handles of prepared statements and of their bound parameters. */
export const preparedHandles = sealed<PreparedStatement>(
  SealKind.prepared,
  record<PreparedStatement>({ query: inline(queryFields), bound: json('b') }),
  {
    onUnreadable: (cause) => new GatewayError('BAD_HANDLE', undefined, { cause }),
    onExpired: () => new GatewayError('EXPIRED_TICKET', 'The prepared statement has expired: prepare it again.'),
  },
)
