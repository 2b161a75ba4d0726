/** What the result cache did for a statement: one word for people, as Spice's `results-cache-status`. */
export type CacheResult = 'HIT' | 'MISS' | 'STALE' | 'BYPASS'

/**
 * What the result cache did for a statement. It becomes the headers `cache-status` (RFC 9211,
 * https://www.rfc-editor.org/rfc/rfc9211), `results-cache-status` and `age`.
 */
export interface CacheOutcome {
  readonly result: CacheResult
  /**
   * Why a statement ran although the cache has, or may have, its rows: they were stale, or the client's request did not allow
   * them; for `fwd` of `cache-status`.
   */
  readonly forward?: 'stale' | 'request'
  /** Age of rows from the cache, in milliseconds. */
  readonly ageMs?: number
  /** Time for which the rows are still fresh, in milliseconds; negative for stale ones. */
  readonly ttlMs?: number
  /** Whether the rows come from the run of another statement that was under way. */
  readonly isCollapsed?: boolean
  /** Whether the rows of this run go into the cache, unless they turn out too large. */
  readonly isStored?: boolean
  /** Where the rows were found. */
  readonly level?: 'memory' | 'shared'
  /** Why the cache did not apply, such as `volatile-function`, or why its rows were stale; for `detail` of `cache-status`. */
  readonly detail?: string
}
