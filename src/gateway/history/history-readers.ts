import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Scope } from '../../async/scope.ts'
import type { ResultCache } from '../../cache/result-cache.ts'
import type { ProcessColumn, SourceColumn } from '../../query/history/columns.ts'
import type { HistoryReaders } from '../../query/history/histories.ts'
import type { StatementCounts } from '../../query/history/statement-counts.ts'
import type { Router } from '../../query/router.ts'
import type { EndpointStatus, Source } from '../../query/source.ts'
import type { Slots } from '../slots.ts'
import type { SourceWatch } from '../source-watch.ts'

/** Parts whose values the history has. */
export interface HistoryParts {
  readonly router: Pick<Router, 'sources'>
  readonly slots: Pick<Slots, 'of'>
  readonly watch: Pick<SourceWatch, 'stateOf'>
  readonly counts: StatementCounts
  readonly cache: Pick<ResultCache, 'bytes' | 'entries' | 'countsOf'>
}

/** Interval at which the event loop's delay is measured, in milliseconds. */
const RESOLUTION_MS = 20
const breakers = { closed: 0, 'half-open': 1, open: 2 } as const

/** Reads what the history of sources and of the process samples. The scope ends the measurement of the event loop. */
export function historyReaders({ router, slots, watch, counts, cache }: HistoryParts, scope: Scope): HistoryReaders {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  scope.defer(() => delay.disable())
  const takeCacheCounts = differences(cache)
  const valuesOf = (source: Source): Readonly<Record<SourceColumn, number>> => {
    const { isUp } = watch.stateOf(source.name)
    const limiter = slots.of(source.name)
    return {
      up: isUp === undefined ? Number.NaN : Number(isUp),
      ...poolOf(source.endpoints?.() ?? []),
      slots: limiter?.slots ?? 0,
      slotsUsed: limiter?.inUse ?? 0,
      queued: limiter?.queued ?? 0,
      ...counts.take(source.name),
      ...takeCacheCounts(source.name),
    }
  }
  return {
    sources: () => router.sources.map((source) => [source.name, valuesOf(source)] as const),
    process(): Readonly<Record<ProcessColumn, number>> {
      // The histogram has the time between two measurements, so the interval itself is no delay.
      const eventLoopMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS)
      delay.reset()
      return {
        eventLoopMs,
        rssBytes: process.memoryUsage.rss(),
        cacheBytes: cache.bytes,
        cacheEntries: cache.entries,
      }
    },
  }
}

function poolOf(endpoints: readonly EndpointStatus[]) {
  const sum = { breaker: Number.NaN, connections: 0, busyConnections: 0, maxConnections: 0, waiting: 0 }
  for (const { breaker, connections, busyConnections, maxConnections, waiting } of endpoints) {
    sum.breaker = Math.max(Number.isNaN(sum.breaker) ? 0 : sum.breaker, breakers[breaker])
    sum.connections += connections
    sum.busyConnections += busyConnections
    sum.maxConnections += maxConnections
    sum.waiting += waiting
  }
  return sum
}

/** What the cache did for a source since the last call. */
function differences(cache: HistoryParts['cache']) {
  const none = { hits: 0, staleHits: 0, misses: 0, bypasses: 0 }
  const lasts = new Map<string, typeof none>()
  return (source: string) => {
    const { hits, staleHits, misses, bypasses } = cache.countsOf(source)
    const last = lasts.get(source) ?? none
    lasts.set(source, { hits, staleHits, misses, bypasses })
    return {
      cacheHits: hits - last.hits,
      cacheStaleHits: staleHits - last.staleHits,
      cacheMisses: misses - last.misses,
      cacheBypasses: bypasses - last.bypasses,
    }
  }
}
