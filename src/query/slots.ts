import { GatewayError } from './errors.ts'

/** What a slot gate allows. */
export interface SlotLimits {
  readonly slots: number
  readonly maxQueued: number
  readonly queueWaitMs: number
}

/** Gives the slot back; calling it again does nothing. */
export type ReleaseSlot = () => void

interface Waiter {
  readonly grant: () => void
}

/**
 * A strict first-in, first-out gate: so many at once, so many waiting, each for so long, and whoever leaves the queue is
 * gone from it at once.
 */
export class Slots {
  readonly #limits: SlotLimits
  readonly #queue = new Set<Waiter>()
  #slots: number
  #inUse = 0

  constructor(limits: SlotLimits) {
    this.#limits = limits
    this.#slots = limits.slots
  }

  /** So many may hold one at the same time now. */
  get slots(): number {
    return this.#slots
  }

  get inUse(): number {
    return this.#inUse
  }

  get queued(): number {
    return this.#queue.size
  }

  /**
   * Takes a slot, waiting in line for it if none is free.
   * @throws GatewayError QUEUE_FULL at once, QUEUE_TIMEOUT after the wait limit, or the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<ReleaseSlot> {
    signal.throwIfAborted()
    if (this.#inUse < this.#slots && this.#queue.size === 0) {
      this.#inUse++
      return this.#releaser()
    }
    if (this.#queue.size >= this.#limits.maxQueued)
      throw new GatewayError(
        'QUEUE_FULL',
        `All ${this.#slots} slots are taken and ${this.#queue.size} statements wait already: try again later.`,
        { retryAfterMs: this.#limits.queueWaitMs },
      )
    return await this.#wait(signal)
  }

  /** Told how each statement ended, while it has its slot. */
  onOutcome(_error: unknown): void {}

  /** Changes how many there are; those that are held stay so. */
  protected resize(slots: number): void {
    this.#slots = slots
    this.#grantFree()
  }

  #grantFree(): void {
    for (const waiter of this.#queue) {
      if (this.#inUse >= this.#slots) return
      waiter.grant()
    }
  }

  #wait(signal: AbortSignal): Promise<ReleaseSlot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#queue.delete(waiter)
      }
      const waiter: Waiter = {
        grant: () => {
          leave()
          this.#inUse++
          resolve(this.#releaser())
        },
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        leave()
        reject(
          new GatewayError(
            'QUEUE_TIMEOUT',
            `No slot became free within ${this.#limits.queueWaitMs} ms (limits.queueWaitMs): try again later.`,
            { retryAfterMs: this.#limits.queueWaitMs },
          ),
        )
      }, this.#limits.queueWaitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#queue.add(waiter)
    })
  }

  #releaser(): ReleaseSlot {
    let released = false
    return () => {
      if (released) return
      released = true
      this.#inUse--
      this.#grantFree()
    }
  }
}
