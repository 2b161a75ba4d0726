import { LRUCache } from 'lru-cache'
import { ENTRY_BYTES, ownBytes } from './own-bytes.ts'
import type { Store } from './store.ts'

/** A store for one replica, bounded in bytes: the least recently used values go first. */
export class MemoryStore implements Store {
  readonly #values: LRUCache<string, Uint8Array>

  constructor(maxBytes: number) {
    this.#values = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => value.byteLength + key.length + ENTRY_BYTES,
    })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key)
  }

  async set(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    this.#values.set(key, ownBytes(value), { ttl: Math.max(1, Math.ceil(ttlMs)) })
  }

  async touch(key: string, ttlMs: number): Promise<void> {
    const value = this.#values.get(key)
    if (value) await this.set(key, value, ttlMs)
  }

  async delete(key: string): Promise<void> {
    this.#values.delete(key)
  }

  async close(): Promise<void> {
    this.#values.clear()
  }
}
