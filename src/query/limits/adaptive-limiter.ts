import { GatewayError } from '../errors.ts'
import { ConcurrencyLimiter, type ConcurrencyLimits } from './concurrency-limiter.ts'

/** What an adaptive gate allows. */
export interface AdaptiveLimits {
  /** Fewest slots, however overloaded the engine says it is. */
  readonly minSlots: number
  readonly maxSlots: number
  readonly maxHeld?: ConcurrencyLimits['maxHeld']
  readonly maxQueued: number
  readonly queueWaitMs: number
}

const CUT = 0.7
/** Failures that come together are one overload. */
const CUT_INTERVAL_MS = 1000

/**
 * Slots whose number follows what the engine can take: cut when it says that it is overloaded, grown by one for each round
 * of statements that go well while all slots are in use.
 * Source: additive increase, multiplicative decrease, as TCP does it (RFC 5681, section 3.1).
 */
export class AdaptiveLimiter extends ConcurrencyLimiter {
  readonly #min: number
  readonly #max: number
  #size: number
  #cutAt = Number.NEGATIVE_INFINITY

  constructor({ minSlots, maxSlots, ...limits }: AdaptiveLimits) {
    super({ slots: maxSlots, ...limits })
    this.#min = Math.min(minSlots, maxSlots)
    this.#max = maxSlots
    this.#size = maxSlots
  }

  /** Learns from a statement that has ended, `error` being undefined when it went well. Called while it has its slot. */
  override onOutcome(error: unknown): void {
    if (error === undefined) {
      // Some may be free and a holder wait all the same, which has its share.
      if (this.inUse >= this.slots || this.queued > 0) this.#resize(this.#size + 1 / this.#size)
      return
    }
    const now = performance.now()
    if (!(error instanceof GatewayError && error.row.overload) || now - this.#cutAt < CUT_INTERVAL_MS) return
    this.#cutAt = now
    this.#resize(Math.min(this.#size, Math.max(1, this.inUse)) * CUT)
  }

  #resize(size: number): void {
    this.#size = Math.max(this.#min, Math.min(this.#max, size))
    this.resize(Math.floor(this.#size))
  }
}
