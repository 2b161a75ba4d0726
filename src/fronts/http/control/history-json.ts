import type { z } from 'zod'
import type { Series, SourceColumn } from '../../../query/history/columns.ts'
import type { History } from '../../../query/history/histories.ts'
import type { historyAnswer, sourceHistoryAnswer } from '../schemas/history/history.ts'

type SourceJson = z.input<typeof sourceHistoryAnswer>['data_source']

const breakers = ['closed', 'half_open', 'open'] as const

/** The last hour of the gateway as JSON. */
export function historyJson(history: History): z.input<typeof historyAnswer> {
  const { eventLoopMs, rssBytes, cacheBytes, cacheEntries } = history.process
  return {
    ...spanJson(history),
    data_sources: history.sources.map(seriesJson),
    process: {
      event_loop_ms: eventLoopMs.map((ms) => ms && Math.round(ms * 10) / 10),
      rss_bytes: [...rssBytes],
      cache_bytes: [...cacheBytes],
      cache_entries: [...cacheEntries],
    },
  }
}

/** The last hour of its only source as JSON. */
export function sourceHistoryJson(history: History): z.input<typeof sourceHistoryAnswer> {
  return { ...spanJson(history), data_source: seriesJson(history.sources[0]!) }
}

function spanJson({ startedAt, stepMs, processes, isPartial }: History) {
  return {
    start_time: new Date(startedAt).toISOString(),
    step_seconds: stepMs / 1000,
    processes,
    partial: isPartial,
  }
}

function seriesJson({ name, series }: { readonly name: string; readonly series: Series<SourceColumn> }): SourceJson {
  return {
    name,
    up: series.up.map((up) => (up === null ? null : up === 1)),
    breaker: series.breaker.map((breaker) => (breaker === null ? null : breakers[breaker]!)),
    connections: [...series.connections],
    busy_connections: [...series.busyConnections],
    max_connections: [...series.maxConnections],
    waiting: [...series.waiting],
    slots: [...series.slots],
    slots_used: [...series.slotsUsed],
    queued: [...series.queued],
    statements: [...series.statements],
    failed: [...series.failed],
    rows: [...series.rows],
    bytes: [...series.bytes],
    cache_hits: [...series.cacheHits],
    cache_stale_hits: [...series.cacheStaleHits],
    cache_misses: [...series.cacheMisses],
    cache_bypasses: [...series.cacheBypasses],
  }
}
