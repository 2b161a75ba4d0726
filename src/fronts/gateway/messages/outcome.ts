import {
  type BatchSummary as BatchSummaryMessage,
  type StatementMetrics as StatementMetricsMessage,
  type StatementResult,
  StatementStatus,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { BatchSummary, StatementOutcome } from '../../../statements/batch/batch-outcome.ts'
import type { StatementMetrics } from '../../../statements/requests/statement-meter.ts'
import { cacheOutcomeMessage } from './cache.ts'
import { errorMessage } from './error.ts'
import { whole } from './whole.ts'

const statuses = {
  succeeded: StatementStatus.STATEMENT_STATUS_SUCCEEDED,
  failed: StatementStatus.STATEMENT_STATUS_FAILED,
  skipped: StatementStatus.STATEMENT_STATUS_SKIPPED,
  cancelled: StatementStatus.STATEMENT_STATUS_CANCELLED,
} as const

/** The message of what a statement took. */
export function metricsMessage(metrics: StatementMetrics): StatementMetricsMessage {
  const { source, queuedMs, plannedMs, firstByteMs, totalMs, rows, bytes } = metrics
  const { costUsd, billedBytes, isCacheHit, cache } = metrics
  return {
    dataSource: source,
    queuedMs,
    plannedMs,
    firstByteMs,
    totalMs,
    rows: BigInt(rows),
    bytes: BigInt(bytes),
    costUsd,
    cacheHit: isCacheHit,
    billedBytes: whole(billedBytes),
    cache: cache && cacheOutcomeMessage(cache),
  }
}

/** The message of how a statement of a batch ended. */
export function resultMessage({ status, error, affectedRows, metrics, queryId }: StatementOutcome): StatementResult {
  return {
    status: statuses[status],
    error: error && errorMessage(error),
    affectedRows: whole(affectedRows),
    metrics: metricsMessage(metrics),
    queryId: queryId ?? '',
  }
}

/** The message of how a batch ended. */
export function summaryMessage({ rows, bytes, costUsd, ...counts }: BatchSummary): BatchSummaryMessage {
  return { ...counts, rows: BigInt(rows), bytes: BigInt(bytes), costUsd }
}
