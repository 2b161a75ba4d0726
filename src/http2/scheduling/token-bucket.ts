/** So many at once, and so many a second for as long as it takes: more is an attack, or a client gone wrong. */
export class TokenBucket {
  readonly #burst: number
  readonly #perSecond: number
  #left: number
  #at = Date.now()

  constructor(burst: number, perSecond: number) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#left = burst
  }

  /** Takes one, or more; false when there are not so many left. */
  take(count = 1): boolean {
    if (this.#left < count) this.#refill()
    if (this.#left < count) return false
    this.#left -= count
    return true
  }

  /** How many are missing: those that were taken and have not come back since. */
  get used(): number {
    this.#refill()
    return this.#burst - this.#left
  }

  #refill(): void {
    const now = Date.now()
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) * this.#perSecond) / 1000)
    this.#at = now
  }
}
