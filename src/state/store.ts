/**
 * What replicas share: small values and sets of names by key, each with a time to live. A key names a value or a set, not both.
 * Each call has a time limit; one that fails or takes longer throws GatewayError STATE_UNAVAILABLE (`guarded.ts`), and its user
 * decides what that means (`unless-down.ts`).
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  /** @param ttlMs milliseconds after which the value is gone */
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
  /**
   * Sets a value unless the key has one, in one step: of several replicas, one sets it.
   * @returns whether this call has set it
   */
  setIfAbsent(key: string, value: Uint8Array, ttlMs: number): Promise<boolean>
  /** Keeps a value, if there is one, for so long from now on. */
  touch(key: string, ttlMs: number): Promise<void>
  delete(key: string): Promise<void>
  /**
   * Adds a member to a set, or keeps it there for so long from now on, in one step: of several that are added at the same time,
   * no more than fit get in.
   * @param ttlMs milliseconds after which the member is gone from the set
   * @param maxMembers how many the set may have
   * @returns false, and leaves the set as it is, when it has that many other members
   */
  addMember(key: string, member: string, ttlMs: number, maxMembers: number): Promise<boolean>
  removeMember(key: string, member: string): Promise<void>
  close(): Promise<void>
}
