import { type Release, Semaphore } from '../../async/semaphore.ts'
import { GatewayError } from '../errors.ts'

/** Limits of a `ConcurrencyLimiter`. */
export interface ConcurrencyLimits {
  /** Name of a slot in error messages; by default `slot`. */
  readonly noun?: string
  readonly slots: number
  /** Maximum number of slots for one holder, given the current number of slots; by default all. */
  readonly maxHeld?: ((slots: number) => number) | undefined
  readonly maxQueued: number
  readonly queueWaitMs: number
}

/**
 * Limits concurrent statements, with a queue that is bounded in length and wait time. Wraps a semaphore and turns rejections into
 * client errors. Holders share the slots and the queue fairly: many statements of one holder do not delay another holder.
 */
export class ConcurrencyLimiter {
  #limits: ConcurrencyLimits
  readonly #semaphore: Semaphore

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits
    this.#semaphore = new Semaphore(limits.slots, limits.maxHeld)
  }

  /** Current number of slots. */
  get slots(): number {
    return this.#semaphore.permits
  }

  get inUse(): number {
    return this.#semaphore.inUse
  }

  get queued(): number {
    return this.#semaphore.waiting
  }

  /** The holder with the most slots while a holder with fewer slots waits; otherwise undefined. */
  get richest(): string | undefined {
    return this.#semaphore.richest
  }

  /**
   * Acquires a slot; waits in the queue if none is free.
   * @param holder the holder whose share the slot counts against
   * @throws GatewayError QUEUE_FULL immediately, or later if a holder with fewer requests arrives at a full queue;
   *   QUEUE_TIMEOUT after `queueWaitMs`; or the signal's reason
   */
  async acquire(signal: AbortSignal, holder = ''): Promise<Release> {
    signal.throwIfAborted()
    const { maxQueued, queueWaitMs, noun = 'slot' } = this.#limits
    const free = this.#semaphore.tryTake(holder)
    if (free) return free
    if (this.queued >= maxQueued && !this.#semaphore.refuseLast(holder, this.#full())) throw this.#full()
    const release = await this.#semaphore.take(signal, queueWaitMs, holder)
    if (release) return release
    throw new GatewayError(
      'QUEUE_TIMEOUT',
      `No ${noun} became free within ${queueWaitMs} ms (limits.queueWaitMs): try again later.`,
      { retryAfterMs: queueWaitMs },
    )
  }

  /** Replaces the limits. Statements keep the slots that they hold, and those that wait keep their places. */
  update(limits: ConcurrencyLimits): void {
    this.#limits = limits
    this.#semaphore.resize(limits.slots, limits.maxHeld)
  }

  /** Receives the outcome of each statement, before the statement releases its slot. */
  onOutcome(_error: unknown): void {}

  /** Changes the number of slots. Statements keep the slots that they hold. */
  protected resize(slots: number): void {
    this.#semaphore.resize(slots)
  }

  #full(): GatewayError {
    const { queueWaitMs, noun = 'slot' } = this.#limits
    const all = `${this.slots} ${noun}s`
    const why = this.inUse >= this.slots ? `All ${all} are taken` : `You have your share of the ${all}`
    return new GatewayError('QUEUE_FULL', `${why} and ${this.queued} statements wait already: try again later.`, {
      retryAfterMs: queueWaitMs,
    })
  }
}
