import type { Principal } from '../types.ts'

/** Which entries to clear; all members that are present must match. Without any, all entries. */
export interface CacheFilter {
  readonly source?: string | undefined
  readonly principal?: string | undefined
  /** As `CacheControl.tags`. */
  readonly tag?: string | undefined
  /** As `CacheControl.key`. */
  readonly key?: string | undefined
}

/** Counts of one source since the process began. */
export interface SourceCacheStats {
  readonly source: string
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly staleHits: number
  readonly misses: number
  readonly bypasses: number
  /** Statements that shared the run of another one. */
  readonly collapsed: number
}

/** The state of the result cache of one process. */
export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  /** 0 if the cache is off. */
  readonly maxBytes: number
  readonly sources: readonly SourceCacheStats[]
  /** Entries that left the cache, by reason. */
  readonly evictions: Readonly<Record<'size' | 'expired' | 'changed' | 'cleared', number>>
  /** Stale entries that were run again in the background, by outcome. */
  readonly revalidations: Readonly<Record<'succeeded' | 'failed', number>>
  /** Plans that the plan cache holds, and its counts. */
  readonly plans: { readonly entries: number; readonly hits: number; readonly misses: number }
  /** The level that replicas share; absent without Redis. */
  readonly shared?: {
    readonly isUp: boolean
    readonly hits: number
    readonly misses: number
    readonly stored: number
    readonly errors: number
    /** Entries that failed their checksum. */
    readonly corrupt: number
  }
}

/** What operators may do with the result cache. */
export interface CacheAdmin {
  /** The state of this process. @throws GatewayError FORBIDDEN unless the viewer may operate all sources */
  stats(viewer: Principal): CacheStats
  /**
   * Clears entries on all replicas, in a time limit; also those that run now are not stored.
   * @returns the number of entries that this process had
   * @throws GatewayError FORBIDDEN unless the caller may operate the filter's source, or all; UNKNOWN_SOURCE; STATE_UNAVAILABLE if other replicas may not have been told
   */
  clear(filter: CacheFilter, by: Principal): Promise<number>
}
