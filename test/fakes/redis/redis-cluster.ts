import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { waitFor } from '../../wait-for.ts'
import { RedisServer } from './redis-server.ts'

const cli = fileURLToPath(new URL('../../../.cache/python/bin/redis-cli', import.meta.url))

/** Three primaries that share the keys. */
export class RedisCluster {
  readonly servers: readonly RedisServer[]

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers
  }

  static async start(): Promise<RedisCluster> {
    const options = [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '1000',
      '--cluster-require-full-coverage',
      'no',
    ]
    const servers = await Promise.all([1, 2, 3].map(() => RedisServer.start(...options)))
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
    await promisify(execFile)(cli, ['--cluster', 'create', ...addresses, '--cluster-yes'])
    const isReady = async (server: RedisServer) => (await server.send('CLUSTER INFO')).includes('cluster_state:ok')
    await waitFor(
      async () => (await Promise.all(servers.map(isReady))).every(Boolean) || undefined,
      'the cluster to be ready',
    )
    return new RedisCluster(servers)
  }

  get nodes(): readonly { readonly host: string; readonly port: number }[] {
    return this.servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()))
  }
}
