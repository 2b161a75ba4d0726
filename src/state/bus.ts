/**
 * Messages between replicas. Each subscriber on every replica, including the sender's, gets a message at most once. A replica
 * that cannot be reached misses the message. Calls have the time limit and the errors of `Store`.
 */
export interface Bus {
  publish(topic: string, message: string): Promise<void>
  /** @returns a function that unsubscribes */
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
