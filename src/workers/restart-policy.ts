/** First wait before a worker starts again, in milliseconds. Each further end within the window doubles it. */
const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5000
/** Ends of workers count for this long, in milliseconds. */
const WINDOW_MS = 60_000
/** Ends within the window for each worker after which the gateway gives up. */
const MAX_ENDS_EACH = 5

/** Decides when a worker that has ended starts again. */
export class RestartPolicy {
  readonly #maxEnds: number
  readonly #now: () => number
  /** Times of the ends of each worker. */
  readonly #ends = new Map<number, number[]>()

  /** @param now clock in milliseconds */
  constructor(workers: number, now = () => performance.now()) {
    this.#maxEnds = MAX_ENDS_EACH * workers
    this.#now = now
  }

  /** A worker has ended. @returns wait before it starts again, in milliseconds; undefined to give up */
  delayMsAfterEndOf(worker: number): number | undefined {
    const now = this.#now()
    for (const [each, ends] of this.#ends)
      this.#ends.set(
        each,
        ends.filter((at) => now - at < WINDOW_MS),
      )
    const own = this.#ends.get(worker) ?? []
    own.push(now)
    this.#ends.set(worker, own)
    const total = [...this.#ends.values()].reduce((sum, ends) => sum + ends.length, 0)
    if (total > this.#maxEnds) return undefined
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (own.length - 1))
  }
}
