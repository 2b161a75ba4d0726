import {
  type CacheControl as CacheControlMessage,
  type CacheOutcome as CacheOutcomeMessage,
  CacheResult,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { CacheOutcome } from '../../../query/cache/cache-outcome.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { CacheDirectives } from '../../../statements/cache/cache-directives.ts'
import { cacheStatus } from '../../../statements/cache/cache-headers.ts'
import {
  type CacheWish,
  cacheKeyOf,
  cacheTagsOf,
  isCacheTtl,
  KEY_RULE,
  TAGS_RULE,
  TTL_RULE,
} from '../../../statements/cache/cache-wish.ts'
import { whole } from './whole.ts'

const results = {
  HIT: CacheResult.CACHE_RESULT_HIT,
  MISS: CacheResult.CACHE_RESULT_MISS,
  STALE: CacheResult.CACHE_RESULT_STALE,
  BYPASS: CacheResult.CACHE_RESULT_BYPASS,
} as const

/**
 * Reads what a statement asks of the result cache.
 * @param name the field that holds the statement, for errors
 * @throws GatewayError BAD_REQUEST
 */
export function cacheWishOf(control: CacheControlMessage | undefined, name: string): CacheWish | undefined {
  if (!control) return undefined
  const directives = directivesOf(control)
  const ttlMs = Number(control.ttlMs)
  const read = <T>(value: T | undefined, field: string, rule: string): T => {
    if (value === undefined) throw new GatewayError('BAD_REQUEST', `cache_control.${field} of ${name} must be ${rule}.`)
    return value
  }
  return {
    ...(directives && { directives }),
    ...(control.ttlMs > 0n && { ttlMs: read(isCacheTtl(ttlMs) ? ttlMs : undefined, 'ttl_ms', TTL_RULE) }),
    ...(control.key !== '' && { key: read(cacheKeyOf(control.key), 'key', KEY_RULE) }),
    ...(control.tags.length > 0 && { tags: read(cacheTagsOf(control.tags), 'tags', TAGS_RULE) }),
  }
}

/** The message of what the result cache did for a statement. */
export function cacheOutcomeMessage(outcome: CacheOutcome): CacheOutcomeMessage {
  const { result, ageMs, ttlMs, isCollapsed = false, isStored = false, level, detail = '' } = outcome
  return {
    result: results[result],
    status: cacheStatus(outcome),
    ageMs: whole(ageMs),
    ttlMs: whole(ttlMs),
    collapsed: isCollapsed,
    stored: isStored,
    shared: level === 'shared',
    detail,
  }
}

function directivesOf(control: CacheControlMessage): CacheDirectives | undefined {
  const { noCache, noStore, maxAgeMs, minFreshMs, maxStaleMs, onlyIfCached } = control
  const found: CacheDirectives = {
    ...(noCache && { noCache }),
    ...(noStore && { noStore }),
    ...(maxAgeMs !== undefined && { maxAgeMs: safe(maxAgeMs) }),
    ...(minFreshMs !== undefined && { minFreshMs: safe(minFreshMs) }),
    ...(maxStaleMs !== undefined && { maxStaleMs: safe(maxStaleMs) }),
    ...(onlyIfCached && { onlyIfCached }),
  }
  return Object.keys(found).length > 0 ? found : undefined
}

function safe(ms: bigint): number {
  return ms > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(ms)
}
