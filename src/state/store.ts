/** What replicas share: small values by key, each with a time to live. */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  /** @param ttlMs milliseconds after which the value is gone */
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
  /** Keeps a value, if there is one, for so long from now on. */
  touch(key: string, ttlMs: number): Promise<void>
  delete(key: string): Promise<void>
  close(): Promise<void>
}
