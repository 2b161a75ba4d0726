import type { GatewayError } from '../../query/errors.ts'
import type { Result } from '../../query/types.ts'
import type { StatementMetrics } from '../requests/statement-meter.ts'

/**
 * How a statement of a batch ended. `skipped`: it never began, because another one had failed or the time was over. `cancelled`:
 * it had begun and was cancelled. A statement that the time limit ended has failed, with DEADLINE.
 */
export type StatementStatus = 'succeeded' | 'failed' | 'skipped' | 'cancelled'

/** The end of one statement of a batch. */
export interface StatementOutcome {
  readonly id: string
  readonly status: StatementStatus
  /** Why the statement did not succeed. */
  readonly error?: GatewayError
  /** Number of changed rows; absent for a statement that only reads, or if the source does not tell. */
  readonly affectedRows?: number
  readonly metrics: StatementMetrics
  /** Id of the statement among the active ones. */
  readonly queryId?: string
}

/** The end of a batch. */
export interface BatchSummary {
  readonly statements: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly cancelled: number
  /** Time from the start of the batch to its end, in milliseconds. */
  readonly totalMs: number
  /** Rows of all results. */
  readonly rows: number
  /** Arrow bytes of all results. */
  readonly bytes: number
  /** Price in US dollars; absent if it is absent for any statement that ran. */
  readonly costUsd?: number
  /** Number of statements whose rows came from another statement or a cache. */
  readonly cacheHits: number
}

/** Receives what comes of a batch. Its functions are called for several statements at the same time. */
export interface BatchSink {
  /**
   * Reads a result and passes it on, under the client's backpressure. A statement has at most one result; it may still fail while
   * it is read.
   * @param ids the statements whose result it is: identical reads of a batch run once
   * @param signal aborts when the statement must end; a wait for the client ends then
   * @throws what reading throws; a GatewayError about the result's data (such as UPSTREAM_DATA), which fails the statement; any
   *   other error, CANCELLED and STALLED end the batch, since its client has left
   */
  result(ids: readonly string[], result: Result, signal: AbortSignal): Promise<void>
  /** Receives the end of each statement, once. @throws an error ends the batch */
  ended(outcome: StatementOutcome): void | Promise<void>
}

/** Adds up the outcomes of a batch. */
export function summaryOf(outcomes: readonly StatementOutcome[], totalMs: number): BatchSummary {
  const counts = { succeeded: 0, failed: 0, skipped: 0, cancelled: 0 }
  let [rows, bytes, cacheHits, costUsd] = [0, 0, 0, 0]
  let isPriced = false
  for (const { status, metrics } of outcomes) {
    counts[status]++
    rows += metrics.rows
    bytes += metrics.bytes
    if (metrics.isCacheHit) cacheHits++
    else if (status !== 'skipped') {
      isPriced = true
      costUsd += metrics.costUsd ?? Number.NaN
    }
  }
  isPriced &&= !Number.isNaN(costUsd)
  return { statements: outcomes.length, ...counts, totalMs, rows, bytes, ...(isPriced && { costUsd }), cacheHits }
}
