import type { z } from 'zod'
import type { BatchSummary, StatementOutcome } from '../../../statements/batch/batch-outcome.ts'
import { problemOf } from '../call/problem.ts'
import type { outcomeSchema, summarySchema } from '../schemas/batch.ts'
import { metricsJson } from '../schemas/metrics.ts'

/** The end of a statement as JSON. @param requestId of the batch */
export function outcomeJson(outcome: StatementOutcome, requestId: string): z.input<typeof outcomeSchema> {
  const { id, status, error, affectedRows, metrics, queryId } = outcome
  return {
    id,
    status,
    row_count: status === 'succeeded' ? metrics.rows : null,
    affected_rows: affectedRows ?? null,
    error: error ? problemOf(error, requestId) : null,
    query_id: queryId ?? null,
    metrics: metricsJson(metrics),
  }
}

/** The end of a batch as JSON. */
export function summaryJson(summary: BatchSummary): z.input<typeof summarySchema> {
  const { statements, succeeded, failed, skipped, cancelled, totalMs, rows, bytes, costUsd, cacheHits } = summary
  return {
    statements,
    succeeded,
    failed,
    skipped,
    cancelled,
    total_ms: totalMs,
    rows,
    bytes,
    cost_usd: costUsd ?? null,
    cache_hits: cacheHits,
  }
}
