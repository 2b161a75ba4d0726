/** Rate limit: a burst at once, and `perSecond` as a sustained rate. */
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

  /** Takes tokens. @returns false, with none taken, if too few are left */
  take(count = 1): boolean {
    if (this.#left < count) this.#refill()
    if (this.#left < count) return false
    this.#left -= count
    return true
  }

  /** Tokens taken and not refilled yet. */
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
