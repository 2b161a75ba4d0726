import { Haproxy } from '../fakes/haproxy/haproxy.ts'
import { RedisServer } from '../fakes/redis/redis-server.ts'
import { GatewayProcess } from './gateway-process.ts'

/** Settings of a cluster. */
export interface ClusterSettings {
  /** Settings of the source `demo` of the gateway behind the replicas, an embedded DuckDB that may be changed. */
  readonly upstream?: object
  /** Settings of each replica, besides those that they share. By default their one source is the gateway behind them. */
  readonly replica?: object
  readonly size?: number
}

const UPSTREAM_KEY = 'key of the replicas'

/** Several replicas behind HAProxy, which sends each call to the next one. They share a Redis and a source. */
export class Cluster {
  readonly upstream: GatewayProcess
  readonly redis: RedisServer
  readonly proxy: Haproxy
  readonly replicas: readonly GatewayProcess[]

  private constructor(
    upstream: GatewayProcess,
    redis: RedisServer,
    replicas: readonly GatewayProcess[],
    proxy: Haproxy,
  ) {
    this.upstream = upstream
    this.redis = redis
    this.replicas = replicas
    this.proxy = proxy
  }

  static async start({ upstream = {}, replica = {}, size = 3 }: ClusterSettings = {}): Promise<Cluster> {
    const [behind, redis] = await Promise.all([
      GatewayProcess.start({
        auth: { apiKeys: [{ name: 'replicas', key: UPSTREAM_KEY, roles: ['writer'] }] },
        sources: { demo: { kind: 'duckdb', writes: true, ...upstream } },
      }),
      RedisServer.start(),
    ])
    const config = {
      sources: { demo: { kind: 'flightsql', uri: behind.uri, token: UPSTREAM_KEY, writes: true } },
      redis: { url: redis.url },
      replica: { listen: '127.0.0.1:0' },
      // The tests tell apart which replica has run a statement.
      cache: { maxBytes: 0 },
      ...replica,
      auth: {
        apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }],
        sealKeys: ['a secret of at least thirty-two characters'],
        ...(replica as { auth?: object }).auth,
      },
    }
    const replicas = await Promise.all(Array.from({ length: size }, () => GatewayProcess.start(config)))
    return new Cluster(behind, redis, replicas, await Haproxy.start(replicas))
  }

  /** Sum of a metric over the replicas that run. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const values = await Promise.all(this.replicas.map((replica) => replica.metric(name, labels).catch(() => 0)))
    return values.reduce((sum, value) => sum + value, 0)
  }

  /** Stops all parts. Returns the exit codes of the replicas. */
  async stop(): Promise<readonly number[]> {
    await this.proxy.stop()
    const codes = await Promise.all(this.replicas.map((replica) => replica.stop()))
    await Promise.all([this.upstream.stop(), this.redis.close()])
    return codes
  }
}
