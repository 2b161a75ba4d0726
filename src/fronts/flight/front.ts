import type { Authenticator } from '../../auth/authenticator.ts'
import type { SourceDrains } from '../../query/admin/source-drains.ts'
import type { DrainGate } from '../../query/drain-gate.ts'
import type { Router } from '../../query/router.ts'
import type { Sealer } from '../../query/seal/sealer.ts'
import type { Transactions } from '../../query/transactions/transactions.ts'
import type { Context, Logger } from '../../query/types.ts'
import type { Statements } from '../../statements/statements.ts'
import type { CallOwners } from '../grpc/call-owners.ts'
import type { CallSessions } from '../grpc/session-cookie.ts'
import type { ServerInfo } from './metadata/sql-info-defaults.ts'

/** Dependencies of the Flight methods. */
export interface FlightFront {
  readonly statements: Statements
  readonly sessions: CallSessions
  readonly transactions: Transactions
  readonly owners: CallOwners
  /** Rolls back the transactions of a session that ends, on all replicas. */
  readonly endTransactions: (sessionId: string, ctx: Context) => Promise<void>
  readonly router: Router
  readonly drainGate: DrainGate
  readonly drains: SourceDrains
  readonly authenticator: Authenticator
  readonly sealer: Sealer
  readonly log: Logger
  readonly limits: FlightLimits
  readonly serverInfo: ServerInfo
}

/** Limits of the Flight front; see `docs/configuration.md`, `limits`. */
export interface FlightLimits {
  readonly ticketTtlMs: number
  readonly preparedTtlMs: number
  readonly pollIdleMs: number
  readonly maxParameterBytes: number
  readonly maxOutboundMessageBytes: number
  readonly maxRowBytes: number
  readonly streamKeepAliveMs: number
}
