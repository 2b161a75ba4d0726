import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import type { Store } from '../state/store.ts'
import type { StatementTicket } from './handles/ticket.ts'
import { keys } from './keys.ts'

/** Executions that are remembered as read to their end. */
const MAX_FINISHED = 10_000

/** What runs on this replica, by execution id, so that another call can cancel it; and what was cancelled on any. */
export class RunningStatements {
  readonly #store: Store
  readonly #finished = new LRUCache<string, true>({ max: MAX_FINISHED })
  readonly #running = new Map<string, Set<(reason: GatewayError) => void>>()

  constructor(store: Store) {
    this.#store = store
  }

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

  /** Whether a client has cancelled the execution, on any replica. */
  async isCancelled(id: string): Promise<boolean> {
    return (await this.#store.get(keys.cancelled(id))) !== undefined
  }

  /**
   * Cancels what runs of a ticket, and prevents what has not begun. Returns false if all of it has finished.
   * @param expiresAt when the ticket expires, in Unix milliseconds
   */
  async cancel({ id, stored }: StatementTicket, expiresAt: number): Promise<boolean> {
    // A statement that has changed data, or was read to its end, has finished: its ticket stays good.
    if (!this.#running.has(id) && (stored || this.#finished.has(id))) return false
    // First the mark, so that nobody begins between the two.
    await this.#store.set(keys.cancelled(id), new Uint8Array(1), expiresAt - Date.now())
    const reason = new GatewayError('CANCELLED', 'The statement was cancelled by another call.')
    for (const cancel of [...(this.#running.get(id) ?? [])]) cancel(reason)
    return true
  }
}
