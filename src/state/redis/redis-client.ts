import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { RedisSettings } from './redis-settings.ts'

/** A connection to one server or the primary behind sentinels; or the connections to the nodes of a cluster. */
export type RedisClient = Redis | Cluster

/** The library types answers by this option; its default is the shape of RESP2. */
type Options = RedisOptions & { readonly replyMapping: 'legacy' }

/** Longest time between two attempts to connect, in milliseconds. */
const MAX_RECONNECT_MS = 2000
/** Time between two looks at which node of a cluster has which keys, in milliseconds. */
const SLOTS_REFRESH_MS = 5000
/** Time for a retry in a cluster whose nodes change roles, in milliseconds. The caller's time limit ends the retries. */
const CLUSTER_RETRY_MS = 100

const DEFAULT_PORT = 6379

/** Time until the next attempt to connect, in milliseconds. */
const reconnectMs = (attempts: number): number => Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(attempts, 10))

/**
 * Creates a client that is not connected yet. It connects again by itself; until then commands fail at once instead of waiting in
 * a queue. The library is loaded here.
 * @param silenceMs time after which a connection is closed that does not answer at all, in milliseconds
 */
export async function createRedisClient(settings: RedisSettings, silenceMs: number): Promise<RedisClient> {
  const { nodes, commandTimeoutMs } = settings
  if (!nodes) return await createConnection(settings, silenceMs)
  const { Cluster } = await import('ioredis')
  const { host: _, port: __, db: ___, ...redisOptions } = optionsOf(settings, silenceMs)
  return new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    {
      redisOptions,
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshTimeout: commandTimeoutMs,
      slotsRefreshInterval: SLOTS_REFRESH_MS,
      retryDelayOnFailover: CLUSTER_RETRY_MS,
      retryDelayOnClusterDown: CLUSTER_RETRY_MS,
      retryDelayOnTryAgain: CLUSTER_RETRY_MS,
      clusterRetryStrategy: reconnectMs,
    },
  )
}

/**
 * Creates one connection, as `createRedisClient`. In a cluster it is to any node, for messages, which every node has; the next node
 * takes over when one fails.
 */
export async function createConnection(settings: RedisSettings, silenceMs: number): Promise<Redis> {
  const { Redis } = await import('ioredis')
  const { nodes, sentinels, primaryName, commandTimeoutMs } = settings
  const { host, port, ...others } = {
    ...optionsOf(settings, silenceMs),
    enableOfflineQueue: false,
    retryStrategy: reconnectMs,
  }
  if (nodes) {
    const client: Redis = new Redis({
      ...others,
      ...nodes[0],
      retryStrategy(attempts: number) {
        Object.assign(client.options, nodes[attempts % nodes.length])
        return reconnectMs(attempts)
      },
    })
    return client
  }
  if (!sentinels)
    return new Redis({ ...others, ...(host !== undefined && { host }), ...(port !== undefined && { port }) })
  return new Redis({
    ...others,
    sentinels: sentinels.map((each) => ({ ...each })),
    name: primaryName!,
    ...(settings.sentinelUsername !== undefined && { sentinelUsername: settings.sentinelUsername }),
    ...(settings.sentinelPassword !== undefined && { sentinelPassword: settings.sentinelPassword }),
    ...(others.tls && { enableTLSForSentinelMode: true, sentinelTLS: others.tls }),
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: reconnectMs,
    failoverDetector: true,
  })
}

/** Options of every connection. */
function optionsOf(settings: RedisSettings, silenceMs: number): Options {
  const { connectTimeoutMs, commandTimeoutMs } = settings
  return {
    ...placeOf(settings),
    replyMapping: 'legacy',
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: silenceMs,
    keepAlive: 10_000,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectionName: 'flightgate',
    // A primary that became a replica: the next connection finds the new primary.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
}

/** Address, credentials, database and TLS. A setting of its own overrides that part of the URL. */
function placeOf(settings: RedisSettings): RedisOptions {
  const { tls, database } = settings
  const url = settings.url === undefined ? undefined : new URL(settings.url)
  const host = settings.host ?? url?.hostname.replace(/^\[|\]$/g, '')
  const port = settings.port ?? (url?.port ? Number(url.port) : DEFAULT_PORT)
  const username = settings.username ?? (url?.username ? decodeURIComponent(url.username) : undefined)
  const password = settings.password ?? (url?.password ? decodeURIComponent(url.password) : undefined)
  const ofPath = Number(url?.pathname.slice(1) || '0')
  const isSecure = tls !== undefined || url?.protocol === 'rediss:'
  return {
    ...(host !== undefined && { host: host || 'localhost' }),
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db: database ?? ofPath,
    ...(isSecure && {
      tls: {
        ...(tls?.ca && { ca: Buffer.from(tls.ca) }),
        ...(tls?.cert && { cert: Buffer.from(tls.cert) }),
        ...(tls?.key && { key: Buffer.from(tls.key) }),
        ...(tls?.serverName !== undefined && { servername: tls.serverName }),
        ...(tls?.skipVerify && { rejectUnauthorized: false }),
      },
    }),
  }
}
