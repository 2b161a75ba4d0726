import { LRUCache } from 'lru-cache'
import type { GatewayError } from '../query/errors.ts'

/** Executions that are remembered as read to their end. */
const MAX_FINISHED = 10_000

/** What runs on this replica, by execution id, so that another call can cancel it. */
export class RunningStatements {
  readonly #finished = new LRUCache<string, true>({ max: MAX_FINISHED })
  readonly #running = new Map<string, Set<(reason: GatewayError) => void>>()

  /** Registers a way to cancel; answers with a function that takes it back. */
  add(id: string, cancel: (reason: GatewayError) => void): () => void {
    const all = this.#running.get(id) ?? new Set()
    all.add(cancel)
    this.#running.set(id, all)
    return () => {
      all.delete(cancel)
      if (all.size === 0 && this.#running.get(id) === all) this.#running.delete(id)
    }
  }

  /** The result has been read to its end: there is nothing left to cancel. */
  finish(id: string): void {
    this.#finished.set(id, true)
  }

  hasFinished(id: string): boolean {
    return this.#finished.has(id)
  }

  isRunning(id: string): boolean {
    return this.#running.has(id)
  }

  /** Cancels everything under the id. */
  cancel(id: string, reason: GatewayError): void {
    for (const cancel of [...(this.#running.get(id) ?? [])]) cancel(reason)
  }
}
