/** Memory that recordings and the cache share. */
export interface MemoryBudget {
  /** Takes this many bytes. @returns false if there is no room for them */
  reserve(bytes: number): boolean
  /** Gives back bytes that `reserve` has taken. */
  release(bytes: number): void
}
