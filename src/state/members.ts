import { ENTRY_BYTES } from './own-bytes.ts'

/** A set of names, each with a time to live. Times are those of `performance.now()`. */
export class Members {
  /** When each is gone. */
  readonly #expiries = new Map<string, number>()
  #nameBytes = 0

  /** What the set takes of memory, in bytes. */
  get byteLength(): number {
    return this.#nameBytes + this.#expiries.size * ENTRY_BYTES
  }

  get size(): number {
    return this.#expiries.size
  }

  /** Adds a member, or keeps it for longer; false when there are `max` others that have not expired. */
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

  #othersThan(member: string): number {
    return this.size - (this.#expiries.has(member) ? 1 : 0)
  }

  #deleteExpired(now: number): void {
    for (const [member, expiry] of this.#expiries) if (expiry <= now) this.delete(member)
  }
}
