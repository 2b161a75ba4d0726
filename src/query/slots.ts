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
  #inUse = 0

  constructor(limits: SlotLimits) {
    this.#limits = limits
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
    if (this.#inUse < this.#limits.slots && this.#queue.size === 0) {
      this.#inUse++
      return this.#releaser()
    }
    if (this.#queue.size >= this.#limits.maxQueued)
      throw new GatewayError(
        'QUEUE_FULL',
        `All ${this.#limits.slots} slots are taken and ${this.#queue.size} statements wait already: try again later.`,
        { retryAfterMs: this.#limits.queueWaitMs },
      )
    return await this.#wait(signal)
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
      const [next] = this.#queue
      next?.grant()
    }
  }
}
