import { LRUCache } from 'lru-cache'
import { Members } from './members.ts'
import { ENTRY_BYTES, ownBytes } from './own-bytes.ts'
import type { Store } from './store.ts'

/** A counter. It changes in place, so that an increment keeps its expiry. */
class Counter {
  readonly byteLength = 8
  value = 0
}

type Entry = Uint8Array | Members | Counter

/** The store of a single replica, bounded in bytes: it evicts the least recently used values, counters and sets. */
export class MemoryStore implements Store {
  readonly #entries: LRUCache<string, Entry>

  constructor(maxBytes: number) {
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => value.byteLength + key.length + ENTRY_BYTES,
    })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#valueOf(key)
  }

  async set(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#keep(key, ownBytes(value), ttlMs)
  }

  async setIfAbsent(key: string, value: Uint8Array, ttlMs: number): Promise<boolean> {
    if (this.#entries.has(key)) return false
    this.#keep(key, ownBytes(value), ttlMs)
    return true
  }

  async touch(key: string, ttlMs: number): Promise<boolean> {
    const value = this.#valueOf(key)
    if (value) this.#keep(key, value, ttlMs)
    return value !== undefined
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key)
  }

  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    const entry = this.#entries.get(key)
    const counter = entry instanceof Counter ? entry : new Counter()
    counter.value += by
    if (counter !== entry && by !== 0) this.#keep(key, counter, ttlMs)
    return counter.value
  }

  async addMember(key: string, member: string, ttlMs: number, maxMembers: number): Promise<boolean> {
    const members = this.#membersOf(key) ?? new Members()
    const fits = members.add(member, ttlMs, maxMembers)
    // The set lives as long as its longest-lived member: an earlier member may have a longer time to live.
    if (fits) this.#keep(key, members, Math.max(ttlMs, this.#entries.getRemainingTTL(key)))
    return fits
  }

  async removeMember(key: string, member: string): Promise<void> {
    const members = this.#membersOf(key)
    members?.delete(member)
    if (members?.size === 0) this.#entries.delete(key)
    else if (members) this.#keep(key, members, this.#entries.getRemainingTTL(key))
  }

  async members(key: string, max: number): Promise<readonly string[]> {
    return this.#membersOf(key)?.oldest(max) ?? []
  }

  async close(): Promise<void> {
    this.#entries.clear()
  }

  #valueOf(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key)
    return entry instanceof Uint8Array ? entry : undefined
  }

  #membersOf(key: string): Members | undefined {
    const entry = this.#entries.get(key)
    return entry instanceof Members ? entry : undefined
  }

  #keep(key: string, entry: Entry, ttlMs: number): void {
    // The cache does not recompute the size of an object that it already holds.
    if (entry instanceof Members) this.#entries.delete(key)
    this.#entries.set(key, entry, { ttl: Math.max(1, Math.ceil(ttlMs)) })
  }
}
