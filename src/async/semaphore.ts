import { FairQueue } from './fair-queue.ts'

/** Releases a permit; further calls do nothing. */
export type Release = () => void

interface Waiter {
  readonly grant: () => void
  readonly fail: (reason: unknown) => void
}

/**
 * Fair semaphore. A free permit goes to the waiting holder with the fewest permits; holders with equally many take turns. The
 * requests of one holder are served first come, first served. A request that is aborted or times out leaves the queue at once.
 */
export class Semaphore {
  readonly #queue = new FairQueue<Waiter>()
  #maxHeldOf: ((permits: number) => number) | undefined
  #permits: number
  #inUse = 0

  /** @param maxHeld maximum permits of one holder, by the number of permits; by default all */
  constructor(permits: number, maxHeld?: (permits: number) => number) {
    this.#permits = permits
    this.#maxHeldOf = maxHeld
  }

  /** Number of permits, free or in use. */
  get permits(): number {
    return this.#permits
  }

  get inUse(): number {
    return this.#inUse
  }

  /** Number of waiting requests. */
  get waiting(): number {
    return this.#queue.size
  }

  /** The holder with the most permits, if a holder with fewer permits waits. */
  get richest(): string | undefined {
    return this.#queue.richest
  }

  /** Whether the holder would get a permit without waiting. */
  isFree(holder = ''): boolean {
    // Waiting requests do not compete for a free permit: if one is free, their holders are at `maxHeld`.
    return this.#inUse < this.#permits && this.#queue.held(holder) < this.#maxHeld
  }

  /** Takes a permit. @returns undefined if none is free now */
  tryTake(holder = ''): Release | undefined {
    return this.isFree(holder) ? this.#take(holder) : undefined
  }

  /**
   * Waits up to `waitMs` for a permit.
   * @param signal ends the wait
   * @returns undefined if no permit became free in time
   * @throws the signal's reason, or the reason given to `refuseLast`
   */
  async take(signal: AbortSignal | undefined, waitMs: number, holder = ''): Promise<Release | undefined> {
    signal?.throwIfAborted()
    return this.tryTake(holder) ?? (await this.#wait(signal, waitMs, holder))
  }

  /**
   * Rejects the newest request of the holder with the most requests, so that `holder` may add one.
   * @returns false if no holder has more requests than `holder` would have
   */
  refuseLast(holder: string, reason: unknown): boolean {
    const last = this.#queue.lastOfLongest(this.#queue.waiting(holder) + 1)
    last?.fail(reason)
    return last !== undefined
  }

  /** Changes the number of permits; holders keep the permits that they have. @param maxHeld as in the constructor */
  resize(permits: number, maxHeld = this.#maxHeldOf): void {
    this.#permits = permits
    this.#maxHeldOf = maxHeld
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
      const dequeue = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        this.#queue.delete(holder, waiter)
      }
      const waiter: Waiter = {
        grant: () => {
          dequeue()
          resolve(this.#take(holder))
        },
        fail: (reason) => {
          dequeue()
          reject(reason)
        },
      }
      const onAbort = () => waiter.fail(signal?.reason)
      const timer = setTimeout(() => {
        dequeue()
        resolve(undefined)
      }, waitMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queue.add(holder, waiter)
    })
  }
}
