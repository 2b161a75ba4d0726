import type { Authenticator } from '../../auth/authenticator.ts'
import type { DrainGate } from '../../query/drain-gate.ts'
import type { Pipeline } from '../../query/pipeline.ts'
import type { Router } from '../../query/router.ts'
import type { Sealer } from '../../query/sealer.ts'
import type { Transactions } from '../../query/transactions/transactions.ts'
import type { Logger } from '../../query/types.ts'
import type { Blobs } from '../../state/blobs.ts'
import type { Store } from '../../state/store.ts'
import type { BackgroundStatements } from '../../statements/background-statements.ts'
import type { RunningStatements } from '../../statements/running-statements.ts'
import type { ServerFacts } from './metadata/sql-info-defaults.ts'
import type { Sessions } from './session-cookie.ts'

/** Everything the Flight methods stand on. */
export interface FlightFront {
  readonly pipeline: Pipeline
  readonly intake: DrainGate
  readonly router: Router
  readonly authenticator: Authenticator
  readonly sealer: Sealer
  /** Sessions and marks. */
  readonly store: Store
  /** Bound parameters and results of changes. */
  readonly blobs: Blobs
  readonly executions: RunningStatements
  readonly log: Logger
  readonly limits: FlightLimits
  readonly facts: ServerFacts
  readonly sessions: Sessions
  readonly transactions: Transactions
  readonly polls: BackgroundStatements
}

/** Limits of the Flight front; see `docs/configuration.md`, `limits`. */
export interface FlightLimits {
  readonly ticketTtlMs: number
  readonly preparedTtlMs: number
  readonly maxParameterBytes: number
  readonly maxStatementBytes: number
  readonly maxOutboundMessageBytes: number
  readonly maxRowBytes: number
  readonly streamKeepAliveMs: number
  readonly pollIdleMs: number
}
