import { randomBytes } from 'node:crypto'
import type { Logger } from '../../query/types.ts'
import { type Bus, MemoryBus } from '../bus.ts'
import type { RedisConnection } from './redis-connection.ts'
import { textChecksum } from './sealed-value.ts'

/** Time until channels that could not be subscribed are tried again, in milliseconds. */
const RETRY_MS = 2000

/** A bus over the channels of Redis. Subscribers of this process get its own messages directly, also while Redis is down. */
export class RedisBus implements Bus {
  readonly #redis: RedisConnection
  readonly #log: Logger
  readonly #local = new MemoryBus()
  /** Number of listeners by topic. */
  readonly #topics = new Map<string, number>()
  readonly #origin = randomBytes(8).toString('hex')
  readonly #prefix: string
  /** Whether the log tells that channels are missing. */
  #isLogged = false

  /** The owner of the connection closes it. */
  constructor(redis: RedisConnection, log: Logger) {
    this.#redis = redis
    this.#log = log
    this.#prefix = `${redis.keyPrefix}bus:`
    redis.subscriber.on('message', (channel: string, text: string) => this.#onMessage(channel, text))
    redis.subscriber.on('ready', () => this.#listen([...this.#topics.keys()]))
  }

  async publish(topic: string, message: string): Promise<void> {
    await this.#local.publish(topic, message)
    const text = `${this.#origin} ${textChecksum(topic, this.#origin, message)} ${message}`
    await this.#redis.call((client) => client.publish(this.#prefix + topic, text))
  }

  subscribe(topic: string, listener: (message: string) => void): () => void {
    const unsubscribe = this.#local.subscribe(topic, listener)
    const listeners = this.#topics.get(topic) ?? 0
    this.#topics.set(topic, listeners + 1)
    if (listeners === 0) this.#listen([topic])
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      unsubscribe()
      const left = this.#topics.get(topic)! - 1
      if (left > 0) this.#topics.set(topic, left)
      else {
        this.#topics.delete(topic)
        if (this.#isReady) this.#redis.subscriber.unsubscribe(this.#prefix + topic).catch(() => {})
      }
    }
  }

  async close(): Promise<void> {
    await this.#local.close()
    this.#topics.clear()
  }

  get #isReady(): boolean {
    return this.#redis.subscriber.status === 'ready'
  }

  /** Subscribes now; without a connection, the next one does it. */
  #listen(topics: readonly string[]): void {
    const wanted = topics.filter((topic) => this.#topics.has(topic))
    if (wanted.length === 0 || !this.#isReady) return
    this.#redis.subscriber.subscribe(...wanted.map((topic) => this.#prefix + topic)).then(
      () => {
        if (this.#isLogged) this.#log.info({ event: 'redis' }, 'the channels of Redis are subscribed again')
        this.#isLogged = false
      },
      (error: unknown) => {
        if (!this.#isReady) return
        // Each topic fails by itself.
        if (!this.#isLogged)
          this.#log.error({ event: 'redis', err: error }, 'the channels of Redis cannot be subscribed; trying again')
        this.#isLogged = true
        setTimeout(() => this.#listen(wanted), RETRY_MS).unref()
      },
    )
  }

  #onMessage(channel: string, text: string): void {
    const [origin = '', checksum] = text.split(' ', 2)
    if (origin === this.#origin) return
    const topic = channel.slice(this.#prefix.length)
    const message = text.slice(origin.length + 1 + (checksum?.length ?? 0) + 1)
    const onCorrupt = () => this.#redis.observer.onCorrupt()
    // A subscriber throws at a message that no gateway of this version has written.
    if (checksum === textChecksum(topic, origin, message)) this.#local.publish(topic, message).catch(onCorrupt)
    else onCorrupt()
  }
}
