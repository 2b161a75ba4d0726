import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import type { Bus } from '../state/bus.ts'
import type { Store } from '../state/store.ts'
import { unlessDown } from '../state/unless-down.ts'
import type { StatementTicket } from './handles/ticket.ts'
import { keys } from './keys.ts'

/** Number of executions that are remembered as read to their end. */
const MAX_FINISHED = 10_000
/** Topic of cancelled executions on the bus; each message is an execution's id. */
const CANCELLED = 'cancelled'
const mark = new Uint8Array(1)
/** Value of a claim whose statement has changed data; it is longer than `mark`. */
const done = new Uint8Array(2)

/** Dependencies of `RunningStatements`. */
export interface RunningStatementDependencies {
  readonly store: Store
  readonly bus: Bus
}

/**
 * The statements that run on this replica, by execution id: a client can send a cancel to any replica. Also the shared marks of
 * executions that a client has cancelled or a replica has claimed.
 */
export class RunningStatements {
  readonly #deps: RunningStatementDependencies
  readonly #finished = new LRUCache<string, true>({ max: MAX_FINISHED })
  readonly #running = new Map<string, Set<(reason: GatewayError) => void>>()

  constructor(deps: RunningStatementDependencies) {
    this.#deps = deps
    deps.bus.subscribe(CANCELLED, (id) => this.#cancelHere(id))
  }

  /** Registers a function that cancels an execution; it is called at most once. Returns a function that unregisters it. */
  add(id: string, cancel: (reason: GatewayError) => void): () => void {
    const all = this.#running.get(id) ?? new Set()
    let isCancelled = false
    // The bus also delivers the cancels that this replica has published.
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

  /** Records that the client has read the result to its end: there is nothing left to cancel. */
  finish(id: string): void {
    this.#finished.set(id, true)
  }

  /** Marks an execution as cancelled, for `ttlMs` milliseconds. Ignores a store that is down: the work here has ended anyway. */
  async markCancelled(id: string, ttlMs: number): Promise<void> {
    await unlessDown(this.#deps.store.set(keys.cancelled(id), mark, ttlMs), undefined)
  }

  /** Whether a client has cancelled the execution on any replica. False while the store is down: running a read is safe. */
  async isCancelled(id: string): Promise<boolean> {
    return (await unlessDown(this.#deps.store.get(keys.cancelled(id)), undefined)) !== undefined
  }

  /**
   * Claims the only run of a statement that changes data, for `ttlMs` milliseconds. Returns false if a replica has claimed it.
   * @throws GatewayError STATE_UNAVAILABLE: without a claim the statement might run twice
   */
  async claim(id: string, ttlMs: number): Promise<boolean> {
    return await this.#deps.store.setIfAbsent(keys.claimed(id), mark, ttlMs)
  }

  /** Records that a claimed statement has changed data. Ignores a store that is down: the change cannot be undone. */
  async markDone(id: string, ttlMs: number): Promise<void> {
    await unlessDown(this.#deps.store.set(keys.claimed(id), done, ttlMs), undefined)
  }

  /**
   * Whether the replica that has claimed the execution runs it or has changed data; undefined if no replica has claimed it.
   * @throws GatewayError STATE_UNAVAILABLE
   */
  async claimOf(id: string): Promise<'running' | 'done' | undefined> {
    const claim = await this.#deps.store.get(keys.claimed(id))
    if (!claim) return undefined
    return claim.byteLength === done.byteLength ? 'done' : 'running'
  }

  /**
   * Cancels the running work of a ticket on every replica and prevents pending work. Returns false if all of it has finished.
   * @param expiresAt expiry of the ticket, in Unix milliseconds
   * @throws GatewayError STATE_UNAVAILABLE when other replicas cannot be told; work on this replica is cancelled all the same
   */
  async cancel(ticket: StatementTicket, expiresAt: number): Promise<boolean> {
    const { id } = ticket
    if (await this.#isOver(ticket)) return false
    try {
      // Set the mark first: otherwise a replica could start the statement between the cancel and the mark.
      await this.#deps.store.set(keys.cancelled(id), mark, expiresAt - Date.now())
    } finally {
      this.#cancelHere(id)
    }
    await this.#deps.bus.publish(CANCELLED, id)
    return true
  }

  /**
   * Whether the client has read the whole result here, or the statement has changed data on any replica. The ticket stays valid.
   */
  async #isOver({ id, stored }: StatementTicket): Promise<boolean> {
    if (this.#running.has(id)) return false
    if (this.#finished.has(id)) return true
    const claim = await this.claimOf(id)
    return claim === 'done' || (stored && claim === undefined)
  }

  #cancelHere(id: string): void {
    const reason = new GatewayError('CANCELLED', 'The statement was cancelled by another call.')
    for (const cancel of [...(this.#running.get(id) ?? [])]) cancel(reason)
  }
}
