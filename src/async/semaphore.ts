import { FairQueue } from './fair-queue.ts'

/** Gives a permit back; further calls do nothing. */
export type Release = () => void

interface Waiter {
  readonly grant: () => void
  readonly fail: (reason: unknown) => void
}

/**
 * A number of permits, shared between holders. A free permit goes to the holder that has fewest, and between holders that
 * have as many in turn; the requests of one holder are served in the order in which they came. A request whose signal is
 * aborted, or whose time is up, leaves the queue at once.
 */
export class Semaphore {
  readonly #queue = new FairQueue<Waiter>()
  readonly #maxHeldOf: ((permits: number) => number) | undefined
  #permits: number
  #inUse = 0

  /** @param maxHeld how many permits one holder may have, of how many there are now; by default all */
  constructor(permits: number, maxHeld?: (permits: number) => number) {
    this.#permits = permits
    this.#maxHeldOf = maxHeld
  }

  /** How many permits there are, free or not. */
  get permits(): number {
    return this.#permits
  }

  get inUse(): number {
    return this.#inUse
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#queue.size
  }

  /** The holder that has most permits while another, which has fewer, waits for one; undefined when there is none. */
  get richest(): string | undefined {
    return this.#queue.richest
  }

  /** Whether the holder would get a permit without waiting. */
  isFree(holder = ''): boolean {
    // A request that waits has no right to any of the free permits: its holder has its share.
    return this.#inUse < this.#permits && this.#queue.held(holder) < this.#maxHeld
  }

  /** A permit, if one is free now. */
  tryTake(holder = ''): Release | undefined {
    return this.isFree(holder) ? this.#take(holder) : undefined
  }

  /**
   * A permit, after a wait of at most `waitMs`; undefined when none became free in time.
   * @param signal ends the wait
   * @throws the signal's reason, or the reason given to `refuseLast`
   */
  async take(signal: AbortSignal | undefined, waitMs: number, holder = ''): Promise<Release | undefined> {
    signal?.throwIfAborted()
    return this.tryTake(holder) ?? (await this.#wait(signal, waitMs, holder))
  }

  /**
   * Ends the newest request of the holder with most requests, so that `holder` may add one.
   * @returns false when `holder` itself would have most
   */
  refuseLast(holder: string, reason: unknown): boolean {
    const last = this.#queue.lastOfLongest(this.#queue.waiting(holder) + 1)
    last?.fail(reason)
    return last !== undefined
  }

  /** Changes how many permits there are; holders keep those that they have. */
  resize(permits: number): void {
    this.#permits = permits
    this.#grantFree()
  }

  get #maxHeld(): number {
    return this.#maxHeldOf?.(this.#permits) ?? this.#permits
  }

  #take(holder: string): Release {
    this.#inUse++
    this.#queue.hold(holder, 1)
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      this.#inUse--
      this.#queue.hold(holder, -1)
      this.#grantFree()
    }
  }

  #grantFree(): void {
    while (this.#inUse < this.#permits) {
      const waiter = this.#queue.next(this.#maxHeld)
      if (!waiter) return
      waiter.grant()
    }
  }

  #wait(signal: AbortSignal | undefined, waitMs: number, holder: string): Promise<Release | undefined> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#queue.delete(holder, waiter)
      }
      const waiter: Waiter = {
        grant: () => {
          leave()
          resolve(this.#take(holder))
        },
        fail: (reason) => {
          leave()
          reject(reason)
        },
      }
      const onAbort = () => waiter.fail(signal?.reason)
      const timer = setTimeout(() => {
        leave()
        resolve(undefined)
      }, waitMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queue.add(holder, waiter)
    })
  }
}
