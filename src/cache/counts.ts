import type { CacheStats, SourceCacheStats } from '../query/cache/cache-admin.ts'
import type { CacheResult } from '../query/cache/cache-outcome.ts'
import type { EvictionReason } from './memory/cache-entry.ts'

/** Receives what happens in the cache, for metrics. */
export interface CacheObserver {
  onRequest(source: string, result: CacheResult): void
  onBypass(reason: string): void
  onCollapsed(source: string): void
  onStored(source: string): void
  onEvicted(reason: EvictionReason): void
  onRevalidated(outcome: 'succeeded' | 'failed'): void
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Requests = Mutable<Omit<SourceCacheStats, 'source' | 'entries' | 'bytes'>>

/** Counts what happens in the cache since the process began, for operators. */
export class CacheCounts implements CacheObserver {
  readonly evictions: Mutable<CacheStats['evictions']> = { size: 0, expired: 0, changed: 0, cleared: 0 }
  readonly revalidations: Mutable<CacheStats['revalidations']> = { succeeded: 0, failed: 0 }
  readonly #bySource = new Map<string, Requests>()
  readonly #observer: CacheObserver

  constructor(observer: CacheObserver) {
    this.#observer = observer
  }

  of(source: string): Requests {
    let counts = this.#bySource.get(source)
    if (!counts) {
      counts = { hits: 0, staleHits: 0, misses: 0, bypasses: 0, collapsed: 0 }
      this.#bySource.set(source, counts)
    }
    return counts
  }

  onRequest(source: string, result: CacheResult): void {
    this.of(source)[memberOf[result]]++
    this.#observer.onRequest(source, result)
  }

  onBypass(reason: string): void {
    this.#observer.onBypass(reason)
  }

  onCollapsed(source: string): void {
    this.of(source).collapsed++
    this.#observer.onCollapsed(source)
  }

  onStored(source: string): void {
    this.#observer.onStored(source)
  }

  onEvicted(reason: EvictionReason): void {
    this.evictions[reason]++
    this.#observer.onEvicted(reason)
  }

  onRevalidated(outcome: 'succeeded' | 'failed'): void {
    this.revalidations[outcome]++
    this.#observer.onRevalidated(outcome)
  }
}

const memberOf = { HIT: 'hits', STALE: 'staleHits', MISS: 'misses', BYPASS: 'bypasses' } as const
