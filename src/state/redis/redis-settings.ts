/** A host and a port. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** TLS towards Redis; files are PEM. */
export interface RedisTls {
  readonly ca?: Uint8Array | undefined
  readonly cert?: Uint8Array | undefined
  readonly key?: Uint8Array | undefined
  /** Name in the certificate, if it is not the host. */
  readonly serverName?: string | undefined
  readonly skipVerify?: boolean | undefined
}

/** Where Redis is, and how long the gateway waits for it. One of `url`, `host`, `sentinels` and `nodes` is set. */
export interface RedisSettings {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Sentinels, which tell where the primary `primaryName` is. */
  readonly sentinels?: readonly RedisAddress[] | undefined
  readonly primaryName?: string | undefined
  /** Some nodes of a cluster; they tell the others. */
  readonly nodes?: readonly RedisAddress[] | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
  readonly tls?: RedisTls | undefined
  readonly database?: number | undefined
  /** Beginning of all keys. */
  readonly keyPrefix: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}
