import type { CacheOutcome } from '../../query/cache/cache-outcome.ts'
import type { CallMetadata } from '../../query/types.ts'

/** The response headers with what the result cache did for a statement. */
export const CACHE_HEADERS = ['cache-status', 'results-cache-status', 'age'] as const

/** Name of the cache in `cache-status`. */
const NAME = 'flightgate'
/** Source: RFC 9651, section 3.3.4. */
const token = /^[A-Za-z*][!#$%&'*+.^_`|~\w:/-]*$/
const MAX_DETAIL_CHARACTERS = 200

/**
 * What the result cache did for a statement, as response headers: `cache-status` (RFC 9211), `results-cache-status` and, for rows
 * from the cache, `age`. Undefined if the cache is off.
 */
export function cacheHeaders(outcome: CacheOutcome | undefined): CallMetadata | undefined {
  if (outcome === undefined) return undefined
  const { result, ageMs } = outcome
  const isServed = result === 'HIT' || result === 'STALE'
  return {
    'cache-status': cacheStatus(outcome),
    'results-cache-status': result,
    ...(isServed && ageMs !== undefined && { age: String(secondsOf(Math.max(0, ageMs))) }),
  }
}

/**
 * The engine's metadata with the headers of `cacheHeaders`; undefined if there are neither. A `cache-status` of the engine stays,
 * before that of this cache.
 */
export function withCacheHeaders(
  metadata: CallMetadata | undefined,
  outcome: CacheOutcome | undefined,
): CallMetadata | undefined {
  const own = cacheHeaders(outcome)
  if (!own) return metadata
  const before = metadata?.['cache-status']
  return { ...metadata, ...own, ...(before !== undefined && { 'cache-status': `${before}, ${own['cache-status']}` }) }
}

/**
 * The member of this cache in `cache-status`, such as `flightgate; hit; ttl=281`. Rows that are stale have a negative `ttl`.
 * Source: RFC 9211 (https://www.rfc-editor.org/rfc/rfc9211).
 */
export function cacheStatus(outcome: CacheOutcome): string {
  const { result, ttlMs, isCollapsed, isStored, level, detail } = outcome
  const isServed = result === 'HIT' || result === 'STALE'
  const told = detail ?? (level === 'shared' ? level : undefined)
  return [
    NAME,
    isServed ? 'hit' : `fwd=${forwardOf(outcome)}`,
    ttlMs !== undefined && `ttl=${secondsOf(ttlMs)}`,
    isStored && 'stored',
    isCollapsed && 'collapsed',
    told !== undefined && `detail=${detailOf(told)}`,
  ]
    .filter((part) => part)
    .join('; ')
}

function forwardOf({ result, forward }: CacheOutcome): string {
  return forward ?? (result === 'BYPASS' ? 'bypass' : 'miss')
}

/** A token if it is one, else a string. Source: RFC 9651, section 3.3.3. */
function detailOf(detail: string): string {
  if (token.test(detail)) return detail
  const text = detail.slice(0, MAX_DETAIL_CHARACTERS).replaceAll(/[^\x20-\x7e]/g, '?')
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

function secondsOf(ms: number): number {
  return Math.floor(ms / 1000)
}
