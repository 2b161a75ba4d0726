import type { Intake } from '../../query/intake.ts'
import type { Pipeline } from '../../query/pipeline.ts'
import type { Router } from '../../query/router.ts'
import type { Sealer } from '../../query/seal.ts'
import type { Transactions } from '../../query/transactions.ts'
import type { Logger } from '../../query/types.ts'
import type { Blobs } from '../../state/blobs.ts'
import type { Store } from '../../state/store.ts'
import type { Authenticator } from '../auth.ts'
import type { Executions } from './executions.ts'
import type { ServerFacts } from './metadata/sql-info-defaults.ts'
import type { PollJobs } from './poll-jobs.ts'
import type { Sessions } from './sessions.ts'

/** Everything the Flight methods stand on. */
export interface FlightFront {
  readonly pipeline: Pipeline
  readonly intake: Intake
  readonly router: Router
  readonly authenticator: Authenticator
  readonly sealer: Sealer
  /** Sessions and marks. */
  readonly store: Store
  /** Bound parameters and results of changes. */
  readonly blobs: Blobs
  readonly executions: Executions
  readonly log: Logger
  readonly limits: FlightLimits
  readonly facts: ServerFacts
  readonly sessions: Sessions
  readonly transactions: Transactions
  readonly polls: PollJobs
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
