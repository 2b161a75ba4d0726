import { GatewayError } from '../errors.ts'
import { FairQueue } from './fair-queue.ts'

/** What a slot gate allows. */
export interface ConcurrencyLimits {
  /** What one of them is called in errors; by default a slot. */
  readonly noun?: string
  readonly slots: number
  /** How many one holder may have at the same time, of how many there are now; by default all. */
  readonly maxHeld?: ((slots: number) => number) | undefined
  readonly maxQueued: number
  readonly queueWaitMs: number
}

/** Gives the slot back; calling it again does nothing. */
export type ReleaseSlot = () => void

interface Waiter {
  readonly grant: () => void
  readonly fail: (error: GatewayError) => void
}

/**
 * A gate that lets so many through at once, and so many wait, each for so long. Those who wait stand in a line for each
 * holder, so that one holder's many delay nobody else's few: the holder that has least is served next, the lines of
 * those who have as much in turn. A waiter that leaves is gone from its line at once.
 */
export class ConcurrencyLimiter {
  readonly #limits: ConcurrencyLimits
  readonly #line = new FairQueue<Waiter>()
  #slots: number
  #inUse = 0

  constructor(limits: ConcurrencyLimits) {
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
    return this.#line.size
  }

  /** The holder that has most slots while another, that has fewer, waits for one; undefined when there is none. */
  get richest(): string | undefined {
    return this.#line.richest
  }

  /**
   * Takes a slot, waiting in line for it if none is free.
   * @param holder whose share it comes from
   * @throws GatewayError QUEUE_FULL at once, or when the line is full and another holder's shorter one grows;
   *   QUEUE_TIMEOUT after the wait limit; or the signal's reason
   */
  async acquire(signal: AbortSignal, holder = ''): Promise<ReleaseSlot> {
    signal.throwIfAborted()
    // Whoever waits now may have none of the free ones.
    if (this.#inUse < this.#slots && this.#line.held(holder) < this.#maxHeld) return this.#take(holder)
    if (this.#line.size >= this.#limits.maxQueued) {
      const last = this.#line.lastOfLongest(this.#line.waiting(holder) + 1)
      if (!last) throw this.#full()
      last.fail(this.#full())
    }
    return await this.#wait(signal, holder)
  }

  /** Told how each statement ended, while it has its slot. */
  onOutcome(_error: unknown): void {}

  /** Changes how many there are; those that are held stay so. */
  protected resize(slots: number): void {
    this.#slots = slots
    this.#grantFree()
  }

  get #maxHeld(): number {
    return this.#limits.maxHeld?.(this.#slots) ?? this.#slots
  }

  get #noun(): string {
    return this.#limits.noun ?? 'slot'
  }

  #full(): GatewayError {
    const isTaken = this.#inUse >= this.#slots
    const all = `${this.#slots} ${this.#noun}s`
    const why = isTaken ? `All ${all} are taken` : `You have your share of the ${all}`
    return new GatewayError('QUEUE_FULL', `${why} and ${this.#line.size} statements wait already: try again later.`, {
      retryAfterMs: this.#limits.queueWaitMs,
    })
  }

  #grantFree(): void {
    while (this.#inUse < this.#slots) {
      const waiter = this.#line.next(this.#maxHeld)
      if (!waiter) return
      waiter.grant()
    }
  }

  #wait(signal: AbortSignal, holder: string): Promise<ReleaseSlot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#line.delete(holder, waiter)
      }
      const fail = (reason: unknown) => {
        leave()
        reject(reason)
      }
      const waiter: Waiter = {
        grant: () => {
          leave()
          resolve(this.#take(holder))
        },
        fail,
      }
      const onAbort = () => fail(signal.reason)
      const timer = setTimeout(() => {
        fail(
          new GatewayError(
            'QUEUE_TIMEOUT',
            `No ${this.#noun} became free within ${this.#limits.queueWaitMs} ms (limits.queueWaitMs): try again later.`,
            { retryAfterMs: this.#limits.queueWaitMs },
          ),
        )
      }, this.#limits.queueWaitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#line.add(holder, waiter)
    })
  }

  #take(holder: string): ReleaseSlot {
    this.#inUse++
    this.#line.hold(holder, 1)
    let released = false
    return () => {
      if (released) return
      released = true
      this.#inUse--
      this.#line.hold(holder, -1)
      this.#grantFree()
    }
  }
}
