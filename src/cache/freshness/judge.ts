import type { CacheControl } from '../../query/cache/cache-control.ts'
import type { ChangesSince } from '../changes/change-log.ts'
import type { EvictionReason } from '../memory/cache-entry.ts'

/** How long rows of a source may be served, in milliseconds. */
export interface FreshnessRules {
  readonly ttlMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
}

/** What may be done with an entry for one reader. */
export interface Verdict {
  /** `stale` may be served while the statement runs again; `unusable` must not, except perhaps in place of an error. */
  readonly state: 'fresh' | 'stale' | 'unusable'
  /** Time for which the rows are still fresh, in milliseconds; negative: for which they have been stale. */
  readonly ttlMs: number
  /** Whether the entry may be served in place of an error of the source. */
  readonly mayReplaceError: boolean
  /** Why no reader can use the entry any more; absent if one may. */
  readonly evict?: EvictionReason
}

/**
 * Judges an entry by two clocks: its age, and the time since a change through the gateway.
 * @param entry its age and its time to live, in milliseconds
 */
export function judge(
  { ageMs, ttlMs: lifetimeMs }: { readonly ageMs: number; readonly ttlMs: number },
  changes: ChangesSince,
  { staleWhileRevalidateMs, staleIfErrorMs }: FreshnessRules,
  { maxAgeMs = Number.POSITIVE_INFINITY, maxStaleMs = Number.POSITIVE_INFINITY, minFreshMs }: CacheControl,
): Verdict {
  const leftMs = lifetimeMs - ageMs
  if (changes.kind === 'cleared') return { state: 'unusable', ttlMs: leftMs, mayReplaceError: false, evict: 'cleared' }
  const isChanged = changes.kind === 'changed'
  const ttlMs = isChanged ? Math.min(leftMs, -changes.sinceMs) : leftMs
  const isYoung = ageMs <= maxAgeMs
  if (!isChanged && ttlMs > 0) {
    const isUsable = isYoung && ttlMs >= (minFreshMs ?? 0)
    return { state: isUsable ? 'fresh' : 'unusable', ttlMs, mayReplaceError: isUsable }
  }
  const staleMs = -ttlMs
  const longestMs = Math.max(staleWhileRevalidateMs, staleIfErrorMs)
  if (staleMs >= longestMs) {
    const evict = isChanged && -leftMs < longestMs ? 'changed' : 'expired'
    return { state: 'unusable', ttlMs, mayReplaceError: false, evict }
  }
  // A principal that changed a table reads what it changed.
  const isOwnChange = isChanged && changes.byReader
  const isTaken = !isOwnChange && isYoung && minFreshMs === undefined && staleMs <= maxStaleMs
  return {
    state: isTaken && staleMs < staleWhileRevalidateMs ? 'stale' : 'unusable',
    ttlMs,
    mayReplaceError: isTaken && staleMs < staleIfErrorMs,
  }
}
