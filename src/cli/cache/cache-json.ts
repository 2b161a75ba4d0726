import type { GetCacheStatsResponse } from '../../../gen/flightgate/v1/gateway_service.ts'

/** The state of the result cache, as `GET /api/v1/cache` of the HTTP API tells it. */
export type CacheJson = ReturnType<typeof cacheJson>

/** Translates an answer of the Gateway service. */
export function cacheJson(stats: GetCacheStatsResponse) {
  const { evictions, revalidations, plans, shared } = stats
  return {
    entries: Number(stats.entries),
    bytes: Number(stats.bytes),
    max_bytes: Number(stats.maxBytes),
    data_sources: stats.dataSources.map((source) => ({
      data_source: source.dataSource,
      entries: Number(source.entries),
      bytes: Number(source.bytes),
      hits: Number(source.hits),
      stale_hits: Number(source.staleHits),
      misses: Number(source.misses),
      bypasses: Number(source.bypasses),
      collapsed: Number(source.collapsed),
    })),
    evictions: {
      size: Number(evictions?.size ?? 0),
      expired: Number(evictions?.expired ?? 0),
      changed: Number(evictions?.changed ?? 0),
      cleared: Number(evictions?.cleared ?? 0),
    },
    revalidations: { succeeded: Number(revalidations?.succeeded ?? 0), failed: Number(revalidations?.failed ?? 0) },
    plans: {
      entries: Number(plans?.entries ?? 0),
      hits: Number(plans?.hits ?? 0),
      misses: Number(plans?.misses ?? 0),
    },
    shared: shared
      ? {
          up: shared.up,
          hits: Number(shared.hits),
          misses: Number(shared.misses),
          stored: Number(shared.stored),
          errors: Number(shared.errors),
          corrupt: Number(shared.corrupt),
        }
      : null,
  }
}
