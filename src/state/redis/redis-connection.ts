import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Logger } from '../../query/types.ts'
import { StateTimeout } from '../state-timeout.ts'
import { createConnection, createRedisClient, type RedisClient } from './redis-client.ts'
import type { RedisObserver } from './redis-observer.ts'
import { placeOf, type RedisSettings } from './redis-settings.ts'

/** Time between two signs of life that the gateway asks for on each connection, in milliseconds. */
const HEARTBEAT_MS = 3000
/** A connection without any answer for so many command time limits is closed and opened again. */
const SILENT_COMMANDS = 4
const MIN_SILENCE_MS = 10_000
/** A piece of a large value may take so many command time limits. */
const BULK_COMMANDS = 3

const unobserved: RedisObserver = { onCommand() {}, onCorrupt() {} }

/** A Lua script that Redis runs in one step. All its keys have one hash tag, so that one node of a cluster has them. */
export interface RedisScript {
  readonly lua: string
  /** SHA-1 of the text, by which Redis knows the script. */
  readonly sha: string
}

export function redisScript(lua: string): RedisScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** Which connection carries a command: large values have one of their own, so that small commands do not wait behind them. */
export type RedisLane = 'small' | 'bulk'

/**
 * The connections to Redis that all parts of the process share: one for small commands, one for large values, one that listens to
 * messages. A call that fails may have been carried out.
 */
export class RedisConnection {
  readonly keyPrefix: string
  readonly commandTimeoutMs: number
  readonly observer: RedisObserver
  /** Receives messages only. */
  readonly subscriber: Redis
  readonly #small: RedisClient
  readonly #bulk: RedisClient
  readonly #heartbeat: NodeJS.Timeout
  #isUp = false

  private constructor(
    clients: { readonly small: RedisClient; readonly bulk: RedisClient; readonly subscriber: Redis },
    settings: RedisSettings,
    log: Logger,
    observer: RedisObserver,
  ) {
    this.#small = clients.small
    this.#bulk = clients.bulk
    this.subscriber = clients.subscriber
    this.keyPrefix = settings.keyPrefix
    this.commandTimeoutMs = settings.commandTimeoutMs
    this.observer = observer
    this.#watch(log, placeOf(settings))
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref()
  }

  /** Opens the connections, also while Redis does not answer: that is logged, and the gateway keeps trying. */
  static async open(
    settings: RedisSettings,
    log: Logger,
    observer: RedisObserver = unobserved,
  ): Promise<RedisConnection> {
    const silenceMs = Math.max(MIN_SILENCE_MS, SILENT_COMMANDS * settings.commandTimeoutMs)
    const ofBulk = { ...settings, commandTimeoutMs: BULK_COMMANDS * settings.commandTimeoutMs }
    const clients = {
      small: await createRedisClient(settings, silenceMs),
      bulk: await createRedisClient(ofBulk, silenceMs),
      subscriber: await createConnection(settings, silenceMs),
    }
    const connection = new RedisConnection(clients, settings, log, observer)
    await connection.#connect(settings.connectTimeoutMs)
    return connection
  }

  /** Whether Redis has answered lately. */
  get isUp(): boolean {
    return this.#isUp
  }

  /**
   * Sends commands and measures them.
   * @throws StateTimeout after `commandTimeoutMs` without an answer, for large values after three times as long
   * @throws Error of the server or connection
   */
  async call<T>(send: (client: RedisClient) => Promise<T>, lane: RedisLane = 'small'): Promise<T> {
    const from = performance.now()
    try {
      const answer = await send(lane === 'bulk' ? this.#bulk : this.#small)
      this.observer.onCommand('ok', (performance.now() - from) / 1000)
      return answer
    } catch (error) {
      const isTimeout = (error as Error).message === 'Command timed out'
      this.observer.onCommand(isTimeout ? 'timeout' : 'error', (performance.now() - from) / 1000)
      throw isTimeout ? new StateTimeout(this.commandTimeoutMs * (lane === 'bulk' ? BULK_COMMANDS : 1), error) : error
    }
  }

  /**
   * Runs a script by its hash, and sends its text where the server does not know it.
   * @param keys with one hash tag
   * @throws as `call`
   */
  async run(
    { lua, sha }: RedisScript,
    keys: readonly string[],
    ...args: readonly (string | number | Buffer)[]
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args] as const
    return await this.call(async (client) => {
      try {
        return await client.evalsha(sha, ...(rest as [number]))
      } catch (error) {
        if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
        return await client.eval(lua, ...(rest as [number]))
      }
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    for (const client of this.#clients) client.disconnect()
  }

  get #clients(): readonly RedisClient[] {
    return [this.#small, this.#bulk, this.subscriber]
  }

  /** Waits until the connections are ready, for at most the time limit. */
  async #connect(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([Promise.allSettled(this.#clients.map((client) => client.connect())), late])
    clearTimeout(timer)
    await Promise.race([Promise.allSettled(this.#nodes.map((node) => node.ping())), sleep(this.commandTimeoutMs)])
  }

  /** The connections to single servers; in a cluster a connection opens with its first command. */
  get #nodes() {
    return this.#clients.flatMap((client) => ('nodes' in client ? client.nodes('master') : client))
  }

  #watch(log: Logger, server: string): void {
    const client = this.#small
    let isLogged = false
    const onDown = (error?: Error) => {
      this.#isUp = false
      if (!isLogged)
        log.error({ event: 'redis', server, err: error }, 'Redis cannot be reached; the gateway keeps trying')
      isLogged = true
    }
    client.on('error', onDown)
    client.on('close', () => {
      this.#isUp = false
    })
    client.on('ready', () => {
      this.#isUp = true
      if (isLogged) log.info({ event: 'redis', server }, 'Redis answers again')
      isLogged = false
    })
    for (const other of [this.#bulk, this.subscriber]) other.on('error', () => {})
  }

  /** Asks each connection for a sign of life: one that stays silent closes, and a new one is opened. */
  #beat(): void {
    for (const node of this.#nodes)
      if (node.status === 'ready')
        node.ping().then(
          () => {},
          () => {},
        )
    if (this.#small.status !== 'ready') return
    this.#small.ping().then(
      () => {
        this.#isUp = true
      },
      () => {
        this.#isUp = false
      },
    )
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
