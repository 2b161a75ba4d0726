import { ENTRY_BYTES } from './own-bytes.ts'

/** A set of names, each with a time to live on the clock of `performance.now()`. */
export class Members {
  /** Expiry of each member, in milliseconds of `performance.now()`. */
  readonly #expiries = new Map<string, number>()
  #nameBytes = 0

  /** Memory that the set takes, in bytes. */
  get byteLength(): number {
    return this.#nameBytes + this.#expiries.size * ENTRY_BYTES
  }

  get size(): number {
    return this.#expiries.size
  }

  /** Adds a member or extends its expiry. Returns false if `max` other members have not expired. */
  add(member: string, ttlMs: number, max: number): boolean {
    const now = performance.now()
    if (this.#othersThan(member) >= max) this.#deleteExpired(now)
    if (this.#othersThan(member) >= max) return false
    this.delete(member)
    this.#expiries.set(member, now + ttlMs)
    this.#nameBytes += member.length
    return true
  }

  delete(member: string): void {
    if (this.#expiries.delete(member)) this.#nameBytes -= member.length
  }

  /** Up to `max` members that have not expired: those that were added or extended the longest ago. */
  oldest(max: number): string[] {
    const now = performance.now()
    const found: string[] = []
    for (const [member, expiry] of this.#expiries) {
      if (found.length >= max) break
      if (expiry > now) found.push(member)
    }
    return found
  }

  #othersThan(member: string): number {
    return this.size - (this.#expiries.has(member) ? 1 : 0)
  }

  #deleteExpired(now: number): void {
    for (const [member, expiry] of this.#expiries) if (expiry <= now) this.delete(member)
  }
}
