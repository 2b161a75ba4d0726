/**
 * Messages between replicas. A message reaches each subscriber at most once, on every replica, that of the sender included;
 * a replica that cannot be reached misses it. Calls have the time limit of the store's, and fail as those do.
 */
export interface Bus {
  publish(topic: string, message: string): Promise<void>
  /** @returns a function that ends the subscription */
  subscribe(topic: string, listener: (message: string) => void): () => void
  close(): Promise<void>
}

/** The bus of a single replica. */
export class MemoryBus implements Bus {
  readonly #listeners = new Map<string, Set<(message: string) => void>>()

  async publish(topic: string, message: string): Promise<void> {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener(message)
  }

  subscribe(topic: string, listener: (message: string) => void): () => void {
    const own = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, own.add(listener))
    return () => {
      if (own.delete(listener) && own.size === 0) this.#listeners.delete(topic)
    }
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}
