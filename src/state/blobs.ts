import { LRUCache } from 'lru-cache'
import { ENTRY_BYTES, ownBytes } from './own-bytes.ts'

/** Larger values that replicas share: bytes by key, each with an owner and a time to live. Calls fail as those of `Store`. */
export interface Blobs {
  get(key: string): Promise<Uint8Array | undefined>
  /** @param ttlMs milliseconds after which the value is gone */
  set(key: string, value: Uint8Array, ttlMs: number, owner: string): Promise<void>
  close(): Promise<void>
}

/**
 * The blobs of a single replica, bounded in bytes. One owner gets at most half of the bytes. When the bound is reached, the owner
 * that uses the most loses its least recently used blobs first.
 */
export class MemoryBlobs implements Blobs {
  readonly #maxBytes: number
  readonly #byOwner = new Map<string, LRUCache<string, Uint8Array>>()
  readonly #owners = new Map<string, string>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#byOwner.get(this.#owners.get(key) ?? '')?.get(key)
  }

  async set(key: string, value: Uint8Array, ttlMs: number, owner: string): Promise<void> {
    let own = this.#byOwner.get(owner)
    if (!own) {
      own = new LRUCache({
        maxSize: Math.max(1, Math.floor(this.#maxBytes / 2)),
        sizeCalculation: (each, name) => each.byteLength + name.length + ENTRY_BYTES,
        dispose: (_value, name, reason) => {
          if (reason !== 'set') this.#owners.delete(name)
        },
      })
      this.#byOwner.set(owner, own)
    }
    own.set(key, ownBytes(value), { ttl: Math.max(1, Math.ceil(ttlMs)) })
    if (own.has(key)) this.#owners.set(key, owner)
    this.#evict()
  }

  async close(): Promise<void> {
    this.#byOwner.clear()
    this.#owners.clear()
  }

  #evict(): void {
    const size = () => [...this.#byOwner.values()].reduce((sum, { calculatedSize }) => sum + calculatedSize, 0)
    if (size() <= this.#maxBytes) return
    for (const own of this.#byOwner.values()) own.purgeStale()
    while (size() > this.#maxBytes) {
      const [largest] = [...this.#byOwner.values()].sort((a, b) => b.calculatedSize - a.calculatedSize)
      largest!.pop()
    }
    for (const [owner, own] of this.#byOwner) if (own.size === 0) this.#byOwner.delete(owner)
  }
}
