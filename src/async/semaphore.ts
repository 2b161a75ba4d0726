/** Ends a turn; calling it again does nothing. */
export type EndTurn = () => void

/** So many turns at once, given first come, first served; whoever stops waiting is gone from the line at once. */
export class Semaphore {
  readonly #max: number
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Whether one is free now. */
  get hasFree(): boolean {
    return this.#taken < this.#max
  }

  /** A turn, if one is free now. */
  tryTake(): EndTurn | undefined {
    if (this.#taken >= this.#max) return undefined
    this.#taken++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#taken--
      const [next] = this.#waiting
      next?.()
    }
  }

  /**
   * A turn, waited for; undefined when none became free in time.
   * @throws the signal's reason
   */
  async take(signal: AbortSignal, waitMs: number): Promise<EndTurn | undefined> {
    signal.throwIfAborted()
    const free = this.tryTake()
    if (free) return free
    return await new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(grant)
      }
      const grant = () => {
        leave()
        resolve(this.tryTake())
      }
      const onAbort = () => {
        leave()
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        leave()
        resolve(undefined)
      }, waitMs)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(grant)
    })
  }
}
