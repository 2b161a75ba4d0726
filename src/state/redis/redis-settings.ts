/** Where a Redis server is, and how long the gateway waits for it. */
export interface RedisSettings {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string
  /** Beginning of all keys. */
  readonly keyPrefix: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}
