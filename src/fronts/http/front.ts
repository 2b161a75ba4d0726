import type { Authenticator } from '../../auth/authenticator.ts'
import type { ConsoleLogin } from '../../auth/oidc/console-login.ts'
import type { Reconciliation } from '../../cost/budget/reconciliation.ts'
import type { CostUsage } from '../../cost/usage/cost-usage.ts'
import type { Administration } from '../../query/admin/administration.ts'
import type { CacheAdmin } from '../../query/cache/cache-admin.ts'
import type { CacheEntryLists } from '../../query/cache/cache-entry-lists.ts'
import type { ActiveStatements } from '../../query/control/active-statements.ts'
import type { RecentStatements } from '../../query/control/recent-statements.ts'
import type { SourceStatus } from '../../query/control/source-status.ts'
import type { DrainGate } from '../../query/drain-gate.ts'
import type { Histories } from '../../query/history/histories.ts'
import type { Router } from '../../query/router.ts'
import type { Logger } from '../../query/types.ts'
import type { Quotas } from '../../quotas/quotas.ts'
import type { Statements } from '../../statements/statements.ts'
import type { HttpCalls } from './call/http-calls.ts'
import type { ConsoleFiles } from './console/console-files.ts'

/** Dependencies of the HTTP routes. */
export interface HttpFront {
  readonly statements: Statements
  readonly active: ActiveStatements
  readonly recent: RecentStatements
  readonly histories: Histories
  readonly sourceStatus: SourceStatus
  readonly router: Router
  readonly drainGate: DrainGate
  readonly authenticator: Authenticator
  readonly calls: HttpCalls
  readonly quotas: Quotas
  readonly costUsage: CostUsage
  readonly cache: CacheAdmin
  readonly cacheEntries: CacheEntryLists
  readonly administration: Administration
  /** Absent if no source bills its statements. */
  readonly reconciliation?: Reconciliation | undefined
  /** The web console; absent if it is turned off or has not been built. */
  readonly console?: ConsoleFiles | undefined
  /** Login to the console at an OpenID Connect issuer; absent if there is none. */
  readonly consoleLogin?: ConsoleLogin | undefined
  readonly log: Logger
  readonly limits: HttpLimits
  readonly settings: HttpSettings
  /** Version of the gateway. */
  readonly version: string
}

/** Limits of the HTTP front; see `docs/configuration.md`, `limits`. */
export interface HttpLimits {
  readonly stallTimeoutMs: number
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
  readonly handshakeTimeoutMs: number
  readonly maxMetadataBytes: number
  readonly maxRowBytes: number
}

/** Settings of the HTTP front; see `docs/configuration.md`, `http`. */
export interface HttpSettings {
  readonly maxBodyBytes: number
  readonly bodyTimeoutMs: number
  readonly chunkRows: number
  readonly maxChunkRows: number
  readonly heartbeatMs: number
  readonly maxBatchResultBytes: number
  readonly maxHeldResultBytes: number
  readonly compression: boolean
  readonly hosts: readonly string[]
  readonly cors: { readonly origins: readonly string[] }
}
