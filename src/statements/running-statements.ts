import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import type { Bus } from '../state/bus.ts'
import type { Store } from '../state/store.ts'
import { unlessDown } from '../state/unless-down.ts'
import type { StatementTicket } from './handles/ticket.ts'
import { keys } from './keys.ts'
import type { StoredResults } from './stored-results.ts'

/** Executions that are remembered as read to their end. */
const MAX_FINISHED = 10_000
/** The bus's topic of executions that a client has cancelled: a message is an execution's id. */
const CANCELLED = 'cancelled'
const mark = new Uint8Array(1)

/** What running statements are known by. */
export interface RunningStatementDependencies {
  readonly store: Store
  readonly bus: Bus
  readonly results: StoredResults
}

/**
 * What runs on this replica, by execution id, so that a call can cancel it on whichever replica it arrives; and the marks that
 * tell every replica which executions a client has cancelled, and which a replica has claimed.
 */
export class RunningStatements {
  readonly #deps: RunningStatementDependencies
  readonly #finished = new LRUCache<string, true>({ max: MAX_FINISHED })
  readonly #running = new Map<string, Set<(reason: GatewayError) => void>>()

  constructor(deps: RunningStatementDependencies) {
    this.#deps = deps
    deps.bus.subscribe(CANCELLED, (id) => this.#cancelHere(id))
  }

  /** Registers a way to cancel, which is used at most once; answers with a function that takes it back. */
  add(id: string, cancel: (reason: GatewayError) => void): () => void {
    const all = this.#running.get(id) ?? new Set()
    let isCancelled = false
    // A cancel that was made here comes back on the bus.
    const cancelOnce = (reason: GatewayError) => {
      if (!isCancelled) cancel(reason)
      isCancelled = true
    }
    all.add(cancelOnce)
    this.#running.set(id, all)
    return () => {
      all.delete(cancelOnce)
      if (all.size === 0 && this.#running.get(id) === all) this.#running.delete(id)
    }
  }

  /** The result has been read to its end: there is nothing left to cancel. */
  finish(id: string): void {
    this.#finished.set(id, true)
  }

  /** Whether a client has cancelled the execution, on any replica; false while the store is down, for a read does no harm. */
  async isCancelled(id: string): Promise<boolean> {
    return (await unlessDown(this.#deps.store.get(keys.cancelled(id)), undefined)) !== undefined
  }

  /**
   * Claims the only run of a statement that changes data, for `ttlMs` milliseconds; false when another replica has claimed it.
   * @throws GatewayError STATE_UNAVAILABLE: without a claim the statement might run twice
   */
  async claim(id: string, ttlMs: number): Promise<boolean> {
    return await this.#deps.store.setIfAbsent(keys.claimed(id), mark, ttlMs)
  }

  /** Whether a replica has claimed its run. @throws GatewayError STATE_UNAVAILABLE */
  async isClaimed(id: string): Promise<boolean> {
    return (await this.#deps.store.get(keys.claimed(id))) !== undefined
  }

  /**
   * Cancels what runs of a ticket on every replica, and prevents what has not begun. Returns false if all of it has finished.
   * @param expiresAt when the ticket expires, in Unix milliseconds
   * @throws GatewayError STATE_UNAVAILABLE when other replicas cannot be told; what runs here is cancelled all the same
   */
  async cancel(ticket: StatementTicket, expiresAt: number): Promise<boolean> {
    const { id } = ticket
    if (await this.#isOver(ticket)) return false
    try {
      // The mark comes first, so that no replica begins the statement between the two.
      await this.#deps.store.set(keys.cancelled(id), mark, expiresAt - Date.now())
    } finally {
      this.#cancelHere(id)
    }
    await this.#deps.bus.publish(CANCELLED, id)
    return true
  }

  /** Whether a statement was read to its end here, or has changed data on any replica: its ticket stays good. */
  async #isOver({ id, stored }: StatementTicket): Promise<boolean> {
    if (this.#running.has(id)) return false
    if (this.#finished.has(id)) return true
    if (!stored) return false
    const mayRunElsewhere = await this.isClaimed(id)
    return !mayRunElsewhere || (await this.#deps.results.has(id))
  }

  #cancelHere(id: string): void {
    const reason = new GatewayError('CANCELLED', 'The statement was cancelled by another call.')
    for (const cancel of [...(this.#running.get(id) ?? [])]) cancel(reason)
  }
}
