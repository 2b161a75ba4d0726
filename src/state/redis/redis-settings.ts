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

/** Where Redis is, for people: hosts and ports, without credentials. */
export function placeOf({ url, host, port = 6379, sentinels, primaryName, nodes }: RedisSettings): string {
  const list = (places: readonly RedisAddress[]) => places.map((each) => `${each.host}:${each.port}`).join(', ')
  if (sentinels) return `${primaryName} at the sentinels ${list(sentinels)}`
  if (nodes) return `the cluster of ${list(nodes)}`
  return host === undefined ? new URL(url!).host : `${host}:${port}`
}
