/**
 * Small values, counters and sets of names that replicas share, by key, each with a time to live. A key names one of them only.
 * A call that fails or times out throws GatewayError STATE_UNAVAILABLE (`guarded.ts`). The caller decides whether it can go on
 * without the store (`unless-down.ts`).
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  /** @param ttlMs milliseconds after which the value is gone */
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
  /**
   * Atomically sets a value unless the key has one: if several replicas try, one succeeds.
   * @returns whether this call set it
   */
  setIfAbsent(key: string, value: Uint8Array, ttlMs: number): Promise<boolean>
  /** Extends the expiry of a value to `ttlMs` milliseconds from now. Returns false if there is no value. */
  touch(key: string, ttlMs: number): Promise<boolean>
  delete(key: string): Promise<void>
  /**
   * Atomically adds a whole number to a counter, which begins at 0, and returns its new value. With 0, it only reads the counter.
   * @param ttlMs milliseconds after which the counter is gone, from its first increment on; later ones do not extend them
   */
  increment(key: string, by: number, ttlMs: number): Promise<number>
  /**
   * Atomically adds a member to a set or extends its expiry: concurrent calls cannot exceed `maxMembers`.
   * @param ttlMs milliseconds after which the member expires
   * @param maxMembers upper bound of the set
   * @returns false, without a change, if the set has that many other members
   */
  addMember(key: string, member: string, ttlMs: number, maxMembers: number): Promise<boolean>
  removeMember(key: string, member: string): Promise<void>
  /** Up to `max` members of a set that have not expired: those that were added or extended the longest ago. */
  members(key: string, max: number): Promise<readonly string[]>
  close(): Promise<void>
}
