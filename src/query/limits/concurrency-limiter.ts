import { type Release, Semaphore } from '../../async/semaphore.ts'
import { GatewayError } from '../errors.ts'

/** What a limiter allows. */
export interface ConcurrencyLimits {
  /** What one of the slots is called in errors; by default a slot. */
  readonly noun?: string
  readonly slots: number
  /** How many slots one holder may have at the same time, of how many there are now; by default all. */
  readonly maxHeld?: ((slots: number) => number) | undefined
  readonly maxQueued: number
  readonly queueWaitMs: number
}

/**
 * Slots for statements, with a queue that is bounded in length and time. A semaphore whose refusals are errors for
 * clients: holders share the slots and the queue, so that the many statements of one delay no other.
 */
export class ConcurrencyLimiter {
  readonly #limits: ConcurrencyLimits
  readonly #semaphore: Semaphore

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits
    this.#semaphore = new Semaphore(limits.slots, limits.maxHeld)
  }

  /** How many slots there are now. */
  get slots(): number {
    return this.#semaphore.permits
  }

  get inUse(): number {
    return this.#semaphore.inUse
  }

  get queued(): number {
    return this.#semaphore.waiting
  }

  /** The holder that has most slots while another, which has fewer, waits for one; undefined when there is none. */
  get richest(): string | undefined {
    return this.#semaphore.richest
  }

  /**
   * Takes a slot, after a wait in the queue if none is free.
   * @param holder whose share the slot comes from
   * @throws GatewayError QUEUE_FULL at once, or when the queue is full and another holder with fewer requests comes;
   *   QUEUE_TIMEOUT after the wait limit; or the signal's reason
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

  /** Told how each statement ended, while it has its slot. */
  onOutcome(_error: unknown): void {}

  /** Changes how many slots there are; those that are held stay so. */
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
