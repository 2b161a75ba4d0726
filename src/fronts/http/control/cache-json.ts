import type { z } from 'zod'
import type { CacheStats } from '../../../query/cache/cache-admin.ts'
import type { cacheAnswer } from '../schemas/cache/stats.ts'

/** The state of the result cache as JSON. */
export function cacheJson(stats: CacheStats): z.input<typeof cacheAnswer> {
  const { entries, bytes, maxBytes, sources, evictions, revalidations, plans, shared } = stats
  return {
    entries,
    bytes,
    max_bytes: maxBytes,
    data_sources: sources.map(({ source, staleHits, ...counts }) => ({
      data_source: source,
      entries: counts.entries,
      bytes: counts.bytes,
      hits: counts.hits,
      stale_hits: staleHits,
      misses: counts.misses,
      bypasses: counts.bypasses,
      collapsed: counts.collapsed,
    })),
    evictions,
    revalidations,
    plans,
    shared: shared ? sharedJson(shared) : null,
  }
}

function sharedJson({ isUp, ...counts }: NonNullable<CacheStats['shared']>) {
  return { up: isUp, ...counts }
}
