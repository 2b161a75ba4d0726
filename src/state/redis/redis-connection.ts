import type { Redis } from 'ioredis'
import type { Logger } from '../../query/types.ts'
import type { RedisSettings } from './redis-settings.ts'

/** Longest time between two attempts to connect, in milliseconds. */
const MAX_RECONNECT_MS = 2000

/** A Lua script that Redis runs in one step. Its first key is the prefix of all keys. */
export interface RedisScript {
  readonly name: string
  readonly lua: string
}

/**
 * One connection to a Redis server. It connects again by itself; until then calls fail at once instead of waiting in a queue.
 * A call that fails may have been carried out.
 */
export class RedisConnection {
  readonly client: Redis
  readonly keyPrefix: string
  readonly commandTimeoutMs: number
  readonly #scripts = new Set<string>()

  private constructor(client: Redis, { keyPrefix, commandTimeoutMs }: RedisSettings) {
    this.client = client
    this.keyPrefix = keyPrefix
    this.commandTimeoutMs = commandTimeoutMs
  }

  /** Opens a connection, also while the server does not answer: that is logged. The library is loaded here. */
  static async open(settings: RedisSettings, log: Logger): Promise<RedisConnection> {
    const { Redis } = await import('ioredis')
    const { url, connectTimeoutMs, commandTimeoutMs } = settings
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: connectTimeoutMs,
      commandTimeout: commandTimeoutMs,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectionName: 'flightgate',
      retryStrategy: (attempts) => Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(attempts, 10)),
    })
    let isDown = false
    client.on('error', (error) => {
      if (!isDown) log.error({ event: 'redis', err: error }, 'Redis cannot be reached; the gateway keeps trying')
      isDown = true
    })
    client.on('ready', () => {
      if (isDown) log.info({ event: 'redis' }, 'Redis answers again')
      isDown = false
    })
    await client.connect().catch(() => {})
    return new RedisConnection(client, settings)
  }

  /** Runs a script by its hash, and sends its text where the server does not know it. @throws Error of the server or connection */
  async run(script: RedisScript, ...args: readonly (string | number)[]): Promise<unknown> {
    if (!this.#scripts.has(script.name)) {
      this.client.defineCommand(script.name, { lua: script.lua, numberOfKeys: 1 })
      this.#scripts.add(script.name)
    }
    const command = (this.client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[script.name]!
    return await command.call(this.client, this.keyPrefix, ...args)
  }

  async close(): Promise<void> {
    this.client.disconnect()
  }
}
