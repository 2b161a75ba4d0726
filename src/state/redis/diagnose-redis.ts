import { randomUUID } from 'node:crypto'
import type { Logger } from '../../query/types.ts'
import { RedisConnection } from './redis-connection.ts'
import { placeOf, type RedisSettings } from './redis-settings.ts'
import { RedisStore } from './redis-store.ts'

/** What a step of the check has found, without secrets. */
export interface RedisFinding {
  readonly where: string
  readonly step: string
  readonly ok: boolean
  readonly detail: string
  /** What the operator should do, if the step failed. */
  readonly advice?: string
}

const TTL_MS = 10_000

/** Checks step by step whether the gateway can use Redis as it needs to. It leaves nothing there. */
export async function* diagnoseRedis(settings: RedisSettings): AsyncGenerator<RedisFinding> {
  const where = placeOf(settings)
  let failure: Error | undefined
  const log: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: { err?: Error }) => {
      failure = fields.err
    },
  }
  const connection = await RedisConnection.open(settings, log)
  const step = async (name: string, work: () => Promise<string>): Promise<RedisFinding> => {
    try {
      return { where, step: name, ok: true, detail: await work() }
    } catch (error) {
      return { where, step: name, ok: false, detail: (error as Error).message, advice: adviceFor(error as Error) }
    }
  }
  try {
    const connected = await step('connect', async () => {
      if (!connection.isUp) throw failure ?? new Error(`no answer within ${settings.connectTimeoutMs} ms`)
      return await versionOf(connection)
    })
    yield connected
    if (!connected.ok) return
    const store = new RedisStore(connection)
    const key = `doctor:${randomUUID()}`
    yield await step('write', async () => {
      const from = performance.now()
      await store.set(key, Buffer.from(key), TTL_MS)
      const ms = (performance.now() - from).toFixed(1)
      if (!(await store.get(key))) throw new Error('a value that was written cannot be read')
      await store.delete(key)
      return `a value was written in ${ms} ms, read and deleted`
    })
    yield await step('scripts', async () => {
      await store.increment(key, 1, TTL_MS)
      await store.delete(key)
      return 'Lua scripts run'
    })
    yield await step('messages', async () => {
      const channel = `${settings.keyPrefix}bus:${key}`
      await connection.subscriber.subscribe(channel)
      await connection.call((client) => client.publish(channel, ''))
      return 'a channel was subscribed and a message sent'
    })
  } finally {
    await connection.close()
  }
}

async function versionOf(connection: RedisConnection): Promise<string> {
  const info = await connection.call((client) => client.info('server')).catch(() => '')
  const version = /^redis_version:(\S+)/m.exec(info)?.[1]
  return version === undefined ? 'connected' : `connected to version ${version}`
}

function adviceFor({ message, ...error }: Error & { code?: string }): string {
  const code = error.code ?? ''
  if (/WRONGPASS|NOAUTH|invalid password/i.test(message)) return 'check redis.username and redis.password'
  if (/NOPERM/.test(message)) return 'allow the ACL user the commands, keys and channels that docs/redis.md lists'
  if (/MOVED|cluster support disabled/i.test(message))
    return 'use redis.nodes for a cluster, and redis.url for one server'
  if (/READONLY/.test(message)) return 'this server is a replica: name the primary, or the sentinels'
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code)) return 'check redis.tls.ca and redis.tls.serverName'
  if (/EPROTO|WRONG_VERSION/.test(code) || /wrong version/i.test(message))
    return 'the server speaks no TLS there: use redis:// and no redis.tls'
  if (code === 'ENOTFOUND') return 'check the host in redis'
  return 'check that Redis runs there, and that the network lets the gateway through; with TLS use rediss:// or redis.tls'
}
