import { LRUCache } from 'lru-cache'
import { LoopTurn } from '../../async/loop-turn.ts'
import type { CacheFilter } from '../../query/cache/cache-admin.ts'
import { bytesOf, type CacheEntry, type EvictionReason } from './cache-entry.ts'
import { type EntryOrder, topEntries } from './top-entries.ts'

/** The entries of this process, and the memory of those that are being recorded. Together they never exceed `maxBytes`. */
export class MemoryTier {
  #maxBytes: number
  readonly #bySource = new Map<string, { entries: number; bytes: number }>()
  readonly #entries: LRUCache<string, CacheEntry>
  readonly #onEvicted: (reason: EvictionReason) => void
  #recordingBytes = 0

  constructor(maxBytes: number, onEvicted: (reason: EvictionReason) => void) {
    this.#maxBytes = maxBytes
    this.#onEvicted = onEvicted
    this.#entries = new LRUCache<string, CacheEntry>({
      // `#makeRoom` has the limit, which can change.
      maxSize: Number.MAX_SAFE_INTEGER,
      sizeCalculation: bytesOf,
      dispose: (entry, _key, reason) => {
        this.#count(entry, -1)
        if (reason === 'evict') onEvicted('size')
      },
    })
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** Changes the limit. The least recently used entries leave if there are too many. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#makeRoom()
  }

  get count(): number {
    return this.#entries.size
  }

  /** Bytes of the entries and of the recordings in progress. */
  get bytes(): number {
    return this.#entries.calculatedSize + this.#recordingBytes
  }

  /** The entry, which counts as used now. */
  get(key: string): CacheEntry | undefined {
    return this.#entries.get(key)
  }

  /** Stores an entry in place of an older one. @returns false if a newer one is there, or the entry is too large */
  set(entry: CacheEntry): boolean {
    const there = this.#entries.peek(entry.key)
    if (there && there.startedAt > entry.startedAt) return false
    const bytes = bytesOf(entry)
    if (bytes > this.maxBytes - this.#recordingBytes) return false
    // Rows that replace older ones of the same statement go on with its count.
    if (there?.identity === entry.identity) entry.hits += there.hits
    this.#count(entry, 1)
    this.#entries.set(entry.key, entry)
    this.#makeRoom()
    return this.#entries.has(entry.key)
  }

  /** Removes this entry, unless another one has taken its place. */
  delete(entry: CacheEntry, reason: EvictionReason): void {
    if (this.#entries.peek(entry.key) !== entry) return
    this.#entries.delete(entry.key)
    this.#onEvicted(reason)
  }

  /** Removes the entries that match all members of the filter; yields to the event loop meanwhile. @returns their number */
  async clear({ source, principal, tag, key }: CacheFilter): Promise<number> {
    let count = 0
    const turn = new LoopTurn()
    for (const name of [...this.#entries.keys()]) {
      const pause = turn.next()
      if (pause) await pause
      const entry = this.#entries.peek(name)
      if (!entry) continue
      const { scope } = entry
      if (source !== undefined && scope.source !== source) continue
      if (principal !== undefined && scope.principal !== principal) continue
      if (tag !== undefined && !scope.tags.includes(tag)) continue
      if (key !== undefined && scope.key !== key) continue
      this.delete(entry, 'cleared')
      count++
    }
    return count
  }

  /** The first entries in an order; yields to the event loop meanwhile. @param sources their names in lower case; by default all */
  async top(order: EntryOrder, limit: number, sources?: readonly string[]): Promise<readonly CacheEntry[]> {
    return await topEntries([...this.#entries.values()], order, limit, sources)
  }

  /** Takes memory for a recording. @returns false if there is no room: then nothing is taken */
  reserve(bytes: number): boolean {
    // They must not drive out all entries.
    if (this.#recordingBytes + bytes > this.maxBytes / 2) return false
    this.#recordingBytes += bytes
    this.#makeRoom()
    return true
  }

  /** Gives back memory of a recording. */
  release(bytes: number): void {
    this.#recordingBytes -= bytes
  }

  /** Entries and bytes of each source by name. */
  bySource(): ReadonlyMap<string, { readonly entries: number; readonly bytes: number }> {
    return new Map([...this.#bySource].map(([source, sum]) => [source, { ...sum }]))
  }

  #count(entry: CacheEntry, by: 1 | -1): void {
    const { source } = entry.scope
    const sum = this.#bySource.get(source) ?? { entries: 0, bytes: 0 }
    sum.entries += by
    sum.bytes += by * bytesOf(entry)
    if (sum.entries > 0) this.#bySource.set(source, sum)
    else this.#bySource.delete(source)
  }

  /** Removes the least recently used entries while they and the recordings exceed the limit. */
  #makeRoom(): void {
    while (this.bytes > this.maxBytes && this.#entries.size > 0) this.#entries.pop()
  }
}
