import type { z } from 'zod'
import { usdOf } from '../../../cost/pricing/nano-usd.ts'
import type { SourceDetails, SourceSummary } from '../../../query/control/source-status.ts'
import type { ActiveStatement } from '../../../query/control/tracked-statement.ts'
import type { QuotaState, UsageReport } from '../../../quotas/usage.ts'
import type { runningQueriesAnswer } from '../schemas/running-query.ts'
import type { sourceAnswer, sourceSchema } from '../schemas/source.ts'
import type { usageAnswer } from '../schemas/usage.ts'

/** A source as JSON. */
export function sourceJson({
  name,
  kind,
  writes,
  isDefault,
  health,
  isDraining,
}: SourceSummary): z.input<typeof sourceSchema> {
  return {
    name,
    kind,
    writes,
    default: isDefault,
    health: health.state,
    health_since: health.since === undefined ? null : new Date(health.since).toISOString(),
    draining: isDraining,
  }
}

/** A source with its statistics as JSON. */
export function sourceDetailsJson(source: SourceDetails): z.input<typeof sourceAnswer> {
  return {
    ...sourceJson(source),
    slots: source.slots,
    endpoints: source.endpoints.map((endpoint) => ({
      address: endpoint.address,
      breaker: endpoint.breaker === 'half-open' ? 'half_open' : endpoint.breaker,
      breaker_mode: endpoint.breakerMode,
      connections: endpoint.connections,
      busy_connections: endpoint.busyConnections,
      waiting: endpoint.waiting,
      max_connections: endpoint.maxConnections,
    })),
  }
}

/** A statement that waits or runs as JSON. */
export function runningQueryJson(statement: ActiveStatement): z.input<typeof runningQueriesAnswer>['queries'][number] {
  return {
    id: statement.id,
    principal: statement.principal,
    data_source: statement.source,
    query: statement.text,
    state: statement.state,
    start_time: new Date(statement.startedAt).toISOString(),
    rows: statement.rows,
    bytes: statement.bytes,
    estimated_cost_usd: statement.estimatedCostUsd ?? null,
    request_id: statement.requestId,
  }
}

/**
 * What a principal has used as JSON.
 * @param costs of the day in billionths of a US dollar, by source
 */
export function usageJson(report: UsageReport, costs: ReadonlyMap<string, number>): z.input<typeof usageAnswer> {
  const { principal, since, sources, requestsPerMinute, concurrentStatements, bytesPerDay } = report
  return {
    principal,
    since: new Date(since).toISOString(),
    sources: sources.map(({ source, statements, failed, rows, bytes }) => ({
      data_source: source,
      statements,
      failed,
      rows,
      bytes,
      cost_usd: usdOrNull(costs.get(source)),
    })),
    requests_per_minute: quotaJson(requestsPerMinute),
    concurrent_statements: quotaJson(concurrentStatements),
    bytes_per_day: quotaJson(bytesPerDay),
  }
}

function usdOrNull(nanoUsd: number | undefined): number | null {
  return nanoUsd === undefined ? null : usdOf(nanoUsd)
}

function quotaJson(quota: QuotaState | undefined): z.input<typeof usageAnswer>['bytes_per_day'] {
  if (!quota) return null
  const { limit, remaining, resetAt } = quota
  return { limit, remaining, reset_time: resetAt === undefined ? null : new Date(resetAt).toISOString() }
}
