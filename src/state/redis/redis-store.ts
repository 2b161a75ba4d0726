import type { Store } from '../store.ts'
import type { RedisConnection } from './redis-connection.ts'
import { openValue, sealValue } from './sealed-value.ts'
import { storeScripts } from './store-scripts.ts'

/**
 * A store in Redis. Values and counters have checksums: what another client has changed counts as absent. Such a value still
 * occupies its key for `setIfAbsent`, so that a claim that was damaged is not given twice.
 */
export class RedisStore implements Store {
  readonly #redis: RedisConnection

  /** The owner of the connection closes it. */
  constructor(redis: RedisConnection) {
    this.#redis = redis
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const name = this.#nameOf(key)
    const sealed = await this.#redis.call((client) => client.getBuffer(name)).catch(unlessOtherType)
    if (sealed === null) return undefined
    const value = sealed && openValue(name, sealed)
    if (!value) this.#redis.observer.onCorrupt()
    return value && new Uint8Array(value)
  }

  async set(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    const name = this.#nameOf(key)
    await this.#redis.call((client) => client.set(name, sealValue(name, value), 'PX', wholeMs(ttlMs)))
  }

  async setIfAbsent(key: string, value: Uint8Array, ttlMs: number): Promise<boolean> {
    const name = this.#nameOf(key)
    const sealed = sealValue(name, value)
    return (await this.#redis.call((client) => client.set(name, sealed, 'PX', wholeMs(ttlMs), 'NX'))) === 'OK'
  }

  async touch(key: string, ttlMs: number): Promise<boolean> {
    return (await this.#redis.call((client) => client.pexpire(this.#nameOf(key), wholeMs(ttlMs)))) === 1
  }

  async delete(key: string): Promise<void> {
    await this.#redis.call((client) => client.unlink(this.#nameOf(key)))
  }

  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    const answer = await this.#redis.run(storeScripts.increment, [this.#nameOf(key)], by, wholeMs(ttlMs))
    const [count, isCorrupt] = answer as [string, number]
    if (isCorrupt) this.#redis.observer.onCorrupt()
    return Number(count)
  }

  async addMember(key: string, member: string, ttlMs: number, maxMembers: number): Promise<boolean> {
    const args = [member, wholeMs(ttlMs), maxMembers]
    const answer = await this.#redis.run(storeScripts.addMember, [this.#nameOf(key)], ...args)
    const [isAdded, isCorrupt] = answer as [number, number]
    if (isCorrupt) this.#redis.observer.onCorrupt()
    return isAdded === 1
  }

  async removeMember(key: string, member: string): Promise<void> {
    await this.#redis.call((client) => client.zrem(this.#nameOf(key), member)).catch(unlessOtherType)
  }

  async members(key: string, max: number): Promise<readonly string[]> {
    const answer = await this.#redis.run(storeScripts.members, [this.#nameOf(key)], Math.max(0, max))
    const [isCorrupt, ...found] = answer as string[]
    if (isCorrupt === '1') this.#redis.observer.onCorrupt()
    return found
  }

  async close(): Promise<void> {}

  #nameOf(key: string): string {
    return `${this.#redis.keyPrefix}state:${key}`
  }
}

/** A key that holds another type was written by another client. */
function unlessOtherType(error: unknown): undefined {
  if (!(error as Error).message.startsWith('WRONGTYPE')) throw error
}

/** Redis takes whole milliseconds, at least 1. */
export function wholeMs(ttlMs: number): number {
  return Math.max(1, Math.ceil(ttlMs))
}
