import type { z } from 'zod'
import type { RecentStatement } from '../../../query/control/recent-statements.ts'
import type { recentQueriesAnswer } from '../schemas/history/recent-query.ts'

type RecentQueryJson = z.input<typeof recentQueriesAnswer>['queries'][number]

/** A statement that has ended as JSON. */
export function recentQueryJson(statement: RecentStatement): RecentQueryJson {
  return {
    id: statement.id,
    principal: statement.principal,
    data_source: statement.source,
    query: statement.text,
    outcome: statement.outcome,
    message: statement.message ?? null,
    front: statement.front ?? null,
    start_time: new Date(statement.startedAt).toISOString(),
    end_time: new Date(statement.endedAt).toISOString(),
    duration_ms: hundredths(statement.durationMs),
    plan_ms: hundredthsOrNull(statement.planMs),
    queue_ms: hundredthsOrNull(statement.queueMs),
    first_byte_ms: hundredthsOrNull(statement.firstByteMs),
    stream_ms: hundredthsOrNull(statement.streamMs),
    rows: statement.rows,
    bytes: statement.bytes,
    billed_bytes: statement.billedBytes ?? null,
    cost_usd: statement.costUsd ?? null,
    cache: statement.cache ?? null,
    shared: statement.isShared,
    request_id: statement.requestId,
  }
}

function hundredthsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : hundredths(ms)
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100
}
