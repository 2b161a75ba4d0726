import type { CostUsage } from '../../cost/usage/cost-usage.ts'
import type { Administration } from '../../query/admin/administration.ts'
import type { CacheAdmin } from '../../query/cache/cache-admin.ts'
import type { ActiveStatements } from '../../query/control/active-statements.ts'
import type { RecentStatements } from '../../query/control/recent-statements.ts'
import type { SourceStatus } from '../../query/control/source-status.ts'
import type { Logger } from '../../query/types.ts'
import type { Quotas } from '../../quotas/quotas.ts'
import type { Statements } from '../../statements/statements.ts'
import type { CallSessions } from '../grpc/session-cookie.ts'

/** Dependencies of the methods of the Gateway service. */
export interface GatewayFront {
  readonly statements: Statements
  readonly sessions: CallSessions
  readonly active: ActiveStatements
  readonly recent: RecentStatements
  readonly sourceStatus: SourceStatus
  readonly quotas: Quotas
  readonly costUsage: CostUsage
  readonly cache: CacheAdmin
  readonly administration: Administration
  readonly log: Logger
  readonly limits: GatewayLimits
  /** Version of the gateway. */
  readonly version: string
}

/** Limits of the Gateway service; see `docs/configuration.md`, `limits`. */
export interface GatewayLimits {
  readonly maxOutboundMessageBytes: number
  readonly maxRowBytes: number
  readonly streamKeepAliveMs: number
}
