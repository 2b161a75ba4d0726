/**
 * What a client asks of the result cache for one statement. The members are the request directives of RFC 9111, section 5.2.1
 * (https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1), with times in milliseconds, and what only this cache has.
 */
export interface CacheControl {
  /** Runs the statement, and stores its rows instead of those that the cache has. */
  readonly noCache?: boolean
  /** Runs the statement and stores nothing. */
  readonly noStore?: boolean
  /** Most age of rows from the cache. */
  readonly maxAgeMs?: number
  /** Least time for which the rows must still be fresh. */
  readonly minFreshMs?: number
  /** Most time for which the rows may have been stale; `Number.MAX_SAFE_INTEGER` for any. The configuration still bounds it. */
  readonly maxStaleMs?: number
  /** Never runs the statement: without rows in the cache it fails with NOT_CACHED. */
  readonly onlyIfCached?: boolean
  /** Time to live of the stored rows, at most that of the configuration. */
  readonly ttlMs?: number
  /** Name of the entry instead of the statement's text, up to 128 of A-Z, a-z, 0-9, _ and -; still one per principal and source. */
  readonly key?: string
  /** Names under which the entry can be cleared, each up to 64 of A-Z, a-z, 0-9, _, :, . and -; at most 16. */
  readonly tags?: readonly string[]
}
