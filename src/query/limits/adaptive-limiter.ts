import { GatewayError } from '../errors.ts'
import { ConcurrencyLimiter, type ConcurrencyLimits } from './concurrency-limiter.ts'

/** Limits of an `AdaptiveLimiter`. */
export interface AdaptiveLimits {
  /** Lower bound of the slots, however often the engine reports overload. */
  readonly minSlots: number
  readonly maxSlots: number
  readonly maxHeld?: ConcurrencyLimits['maxHeld']
  readonly maxQueued: number
  readonly queueWaitMs: number
}

/** Factor of the multiplicative decrease. */
const CUT = 0.7
/** Overload errors within this time count as one overload. */
const CUT_INTERVAL_MS = 1000

/**
 * A limiter that adapts the number of slots to the engine's capacity. An overload error reduces the slots. Each round of
 * successful statements while all slots are in use adds one.
 * Source: additive increase, multiplicative decrease, as in TCP (RFC 5681, section 3.1).
 */
export class AdaptiveLimiter extends ConcurrencyLimiter {
  #min: number
  #max: number
  #size: number
  #cutAt = Number.NEGATIVE_INFINITY

  constructor({ minSlots, maxSlots, ...limits }: AdaptiveLimits) {
    super({ slots: maxSlots, ...limits })
    this.#min = Math.min(minSlots, maxSlots)
    this.#max = maxSlots
    this.#size = maxSlots
  }

  /** Replaces the limits as `update` does. The number of slots stays within them. */
  adapt({ minSlots, maxSlots, ...limits }: AdaptiveLimits): void {
    // A limiter that has all its slots has them after a change of the maximum too.
    const size = this.#size === this.#max ? maxSlots : this.#size
    this.#min = Math.min(minSlots, maxSlots)
    this.#max = maxSlots
    this.#size = Math.max(this.#min, Math.min(this.#max, size))
    this.update({ slots: Math.floor(this.#size), ...limits })
  }

  /** Adapts to the outcome of a statement: `error` is undefined on success. Call it before the statement releases its slot. */
  override onOutcome(error: unknown): void {
    if (error === undefined) {
      // A holder at its share can wait although slots are free.
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
