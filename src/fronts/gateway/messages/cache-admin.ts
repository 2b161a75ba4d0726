import type { ClearCacheRequest, GetCacheStatsResponse } from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { CacheFilter, CacheStats } from '../../../query/cache/cache-admin.ts'
import { GatewayError } from '../../../query/errors.ts'
import { cacheKeyForm, cacheTagForm, KEY_RULE, TAG_RULE } from '../../../statements/cache/cache-wish.ts'

/** Reads which entries to clear. @throws GatewayError BAD_REQUEST */
export function cacheFilterOf({ dataSource, tag, key, principal }: ClearCacheRequest): CacheFilter {
  if (tag !== '' && !cacheTagForm.test(tag)) throw new GatewayError('BAD_REQUEST', `tag must be ${TAG_RULE}.`)
  if (key !== '' && !cacheKeyForm.test(key)) throw new GatewayError('BAD_REQUEST', `key must be ${KEY_RULE}.`)
  return {
    ...(dataSource !== '' && { source: dataSource }),
    ...(tag !== '' && { tag }),
    ...(key !== '' && { key }),
    ...(principal !== '' && { principal }),
  }
}

/** The message of the state of the result cache. */
export function cacheStatsMessage(stats: CacheStats): GetCacheStatsResponse {
  const { entries, bytes, maxBytes, sources, evictions, revalidations, plans, shared } = stats
  return {
    entries: BigInt(entries),
    bytes: BigInt(bytes),
    maxBytes: BigInt(maxBytes),
    dataSources: sources.map((source) => ({
      dataSource: source.source,
      entries: BigInt(source.entries),
      bytes: BigInt(source.bytes),
      hits: BigInt(source.hits),
      staleHits: BigInt(source.staleHits),
      misses: BigInt(source.misses),
      bypasses: BigInt(source.bypasses),
      collapsed: BigInt(source.collapsed),
    })),
    evictions: {
      size: BigInt(evictions.size),
      expired: BigInt(evictions.expired),
      changed: BigInt(evictions.changed),
      cleared: BigInt(evictions.cleared),
    },
    revalidations: { succeeded: BigInt(revalidations.succeeded), failed: BigInt(revalidations.failed) },
    plans: { entries: BigInt(plans.entries), hits: BigInt(plans.hits), misses: BigInt(plans.misses) },
    shared: shared && {
      up: shared.isUp,
      hits: BigInt(shared.hits),
      misses: BigInt(shared.misses),
      stored: BigInt(shared.stored),
      errors: BigInt(shared.errors),
      corrupt: BigInt(shared.corrupt),
    },
  }
}
