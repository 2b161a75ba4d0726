import type { CacheFilter } from '../../query/cache/cache-admin.ts'

/** The data that a statement reads, and the names under which its rows may be cleared. */
export interface ReadScope {
  readonly source: string
  /** Names of tables; undefined if they are not known: then each change of the source counts. */
  readonly tables: readonly string[] | undefined
  readonly principal: string
  readonly tags: readonly string[]
  /** The client's name of the entry. */
  readonly key?: string | undefined
}

/** State of a scope at one moment. Small and serializable: it is stored with the rows. */
export type Snapshot = readonly number[]

/** What happened to a scope since a snapshot. */
export type ChangesSince =
  | { readonly kind: 'none' }
  /** `sinceMs` milliseconds ago a statement changed the data for the first time; `byReader` tells whether the reader itself has changed it since. */
  | { readonly kind: 'changed'; readonly sinceMs: number; readonly byReader: boolean }
  /** An operator cleared it, or the log does not go back so far. */
  | { readonly kind: 'cleared' }

/** A change through the gateway. */
export interface Change {
  readonly source: string
  /** Names of the changed tables; undefined if they are not known. */
  readonly tables: readonly string[] | undefined
  /** Who changed them. */
  readonly principal: string
}

/**
 * What changed through the gateway, and what was cleared. With several replicas each sees the changes of all: a snapshot or an
 * answer that may miss one throws STATE_UNAVAILABLE, and the caller goes on without the cache.
 */
export interface ChangeLog {
  /** Taken before a statement runs: a change that ends later counts as one since then. @throws GatewayError STATE_UNAVAILABLE */
  snapshot(scope: ReadScope): Snapshot | Promise<Snapshot>
  /** @param reader name of the principal who reads @throws GatewayError STATE_UNAVAILABLE */
  since(scope: ReadScope, snapshot: Snapshot, reader: string): ChangesSince | Promise<ChangesSince>
  /** Records a change that took effect, or may have. Resolves when every replica counts it. @throws GatewayError STATE_UNAVAILABLE */
  record(change: Change): Promise<void>
  /** Clears what matches all members that are present. @throws GatewayError STATE_UNAVAILABLE */
  clear(filter: CacheFilter): Promise<void>
  /** Calls the listener with each clear that this process hears of, so that it gives the memory back at once; absent if there is one process. */
  onClear?(listener: (filter: CacheFilter) => void): void
}
