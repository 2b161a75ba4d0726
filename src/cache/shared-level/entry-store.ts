import { Semaphore } from '../../async/semaphore.ts'
import type { Logger } from '../../query/types.ts'
import { CallGuard } from '../../state/guarded.ts'
import type { RedisConnection } from '../../state/redis/redis-connection.ts'
import { StateTimeout } from '../../state/state-timeout.ts'
import { now } from '../freshness/clock.ts'
import { type Chunk, openChunk, type SealedChunk, sealChunk } from './chunk-codec.ts'
import { type EntryHead, openHead, type StoredHead, sealHead } from './entry-head.ts'
import { entryScripts } from './entry-scripts.ts'
import type { RowsKey } from './rows-key.ts'

/** Where entries are, and how processes recognize their own. */
export interface EntryPlace {
  readonly redis: RedisConnection
  /** The key for new entries; a reload may change it. */
  rowsKey(): RowsKey
}

/** Time limits of the calls. */
export interface EntryStoreLimits {
  /** Of a small command, in milliseconds. */
  readonly commandTimeoutMs: number
}

/** What Redis has under a key. */
export interface FoundHeads {
  /** A whole result. */
  readonly stored: StoredHead | undefined
  /** A run that is under way. */
  readonly running: EntryHead | undefined
}

/** Time for which a lease is valid without renewal, in milliseconds. */
export const LEASE_MS = 3000
/** How long followers of a run count as such, in milliseconds. */
const FOLLOWERS_MS = 5000
/** How long a key counts as too large, in milliseconds. */
const LARGE_MS = 60_000
/** How long nothing is asked after a call without an answer, in milliseconds. */
const RETRY_AFTER_MS = 2000
/** A chunk may take so many times as long as a small command. */
const CHUNK_TIMES = 4
const MAX_CHUNKS_IN_FLIGHT = 16
const TURN_MS = 10_000
/** Part of the memory of Redis in use from which on no results are written: the rest is for state that must not be lost. */
const FULL = 0.75
const FULL_CHECK_MS = 5000
/** How long the difference between the clocks is used, in milliseconds. */
const CLOCK_MS = 30_000

/** Earlier keys with which entries are still read and written. */
const MAX_KEYS = 8

/**
 * Heads, leases and chunks of results in Redis. All keys of one result have one hash tag. Only processes with the same `RowsKey`
 * find, make or change an entry; `nameFor` gives the key under which the others look for nothing. Every call throws GatewayError
 * STATE_UNAVAILABLE if Redis fails or is too slow; after a time-out calls fail at once for a while.
 */
export class EntryStore {
  readonly #redis: RedisConnection
  readonly #rowsKey: () => RowsKey
  readonly #keys = new Map<string, RowsKey>()
  readonly #small: CallGuard
  readonly #bulk: CallGuard
  readonly #turns = new Semaphore(MAX_CHUNKS_IN_FLIGHT)
  readonly #onCorrupt: () => void
  #fullness: { readonly isFull: boolean; readonly readAt: number } | undefined
  #clock: { readonly offsetMs: number; readonly readAt: number } | undefined

  constructor(
    { redis, rowsKey }: EntryPlace,
    { commandTimeoutMs }: EntryStoreLimits,
    log: Logger,
    onCorrupt: () => void,
  ) {
    const retry = { retryAfterMs: RETRY_AFTER_MS }
    this.#redis = redis
    this.#rowsKey = rowsKey
    this.#small = new CallGuard({ callTimeoutMs: commandTimeoutMs, ...retry }, log, 'cache level in Redis')
    this.#bulk = new CallGuard({ callTimeoutMs: CHUNK_TIMES * commandTimeoutMs, ...retry }, log, 'rows in Redis')
    this.#onCorrupt = onCorrupt
  }

  /** Whether Redis answers. */
  get isUp(): boolean {
    return this.#redis.isUp && !this.#small.isOpen
  }

  /** Whether calls may be made at all. */
  get isOpen(): boolean {
    return this.#small.isOpen
  }

  /** The clock of Redis minus that of `now`, in milliseconds. */
  get offsetMs(): number {
    return this.#clock?.offsetMs ?? 0
  }

  /** The name under which processes with the key of now have an entry; all other methods take it. */
  nameFor(key: string): string {
    const own = this.#rowsKey()
    this.#keys.set(own.id, own)
    if (this.#keys.size > MAX_KEYS) this.#keys.delete(this.#keys.keys().next().value!)
    return `${own.id}.${key}`
  }

  /** What is stored under a key, and what runs; one round trip. */
  async find(key: string): Promise<FoundHeads> {
    const names = [this.#headOf(key), this.#leaseOf(key)] as const
    const [[head, lease]] = await this.#small.run(() =>
      Promise.all([this.#redis.call((client) => client.mgetBuffer(...names)), this.#readClock()]),
    )
    const stored = await this.#opened(key, names[0], head)
    return { stored, running: (await this.#opened(key, names[1], lease))?.head }
  }

  /** Whether Redis uses most of the memory that it may use; as of a few seconds ago. */
  get isFull(): boolean {
    if (!this.#fullness || performance.now() - this.#fullness.readAt > FULL_CHECK_MS) {
      this.#fullness = { isFull: this.#fullness?.isFull ?? false, readAt: performance.now() }
      this.#readFullness().catch(() => {})
    }
    return this.#fullness.isFull
  }

  /**
   * Takes the lease of a key.
   * @param seen version of the head that was found before
   * @returns whether this process has it: not if another one has it, or there is a newer head; and `EntryHead.order` of the run
   */
  async lead(
    key: string,
    head: EntryHead,
    seen: string | undefined,
  ): Promise<{ readonly hasLease: boolean; readonly order: number }> {
    const names = [this.#headOf(key), this.#leaseOf(key)]
    const value = sealHead(this.#keyOf(key), names[1]!, head)
    const answer = await this.#small.run(() => this.#redis.run(entryScripts.lead, names, value, LEASE_MS, seen ?? ''))
    const [isOwn, order] = answer as [number, string]
    return { hasLease: isOwn === 1, order: Number(order) }
  }

  /** Keeps a lease. @returns whether it is still the caller's, and whether other processes follow the run */
  async renew(key: string, version: string): Promise<{ readonly isOwn: boolean; readonly isFollowed: boolean }> {
    const names = [this.#leaseOf(key), this.#followersOf(key, version)]
    const answer = await this.#small.run(() => this.#redis.run(entryScripts.renew, names, version, LEASE_MS))
    const [isOwn, isFollowed] = answer as [number, number]
    return { isOwn: isOwn === 1, isFollowed: isFollowed === 1 }
  }

  /** Tells the process that runs the statement that this one reads its rows. */
  async follow(key: string, version: string): Promise<void> {
    const name = this.#followersOf(key, version)
    await this.#small.run(() => this.#redis.call((client) => client.set(name, '1', 'PX', FOLLOWERS_MS)))
  }

  /** Stores the head of a whole result, and ends its lease. @returns false if a later run has stored one */
  async finish(key: string, head: EntryHead, inline: Uint8Array | undefined, ttlMs: number): Promise<boolean> {
    const names = [this.#headOf(key), this.#leaseOf(key)]
    const value = sealHead(this.#keyOf(key), names[0]!, head, inline)
    return (await this.#small.run(() => this.#redis.run(entryScripts.finish, names, value, ttlMs, head.version))) === 1
  }

  /** Ends a lease without a result, and removes what was stored. */
  async abandon(key: string, head: EntryHead, chunks: number): Promise<void> {
    const lease = this.#leaseOf(key)
    await this.#small.run(() => this.#redis.run(entryScripts.remove, [lease], head.version))
    if (head.isLarge) {
      const value = sealHead(this.#keyOf(key), lease, head)
      await this.#small.run(() => this.#redis.call((client) => client.set(lease, value, 'PX', LARGE_MS, 'NX')))
    }
    await this.#removeChunks(key, head.version, chunks)
  }

  /** Removes a result that turned out to be damaged. */
  async remove(key: string, { version, chunks = 0 }: EntryHead): Promise<void> {
    await this.#small.run(() => this.#redis.run(entryScripts.remove, [this.#headOf(key)], version))
    await this.#removeChunks(key, version, chunks)
  }

  async putChunk(key: string, version: string, index: number, chunk: Chunk, isWorthwhile: boolean, ttlMs: number) {
    const name = this.#chunkOf(key, version, index)
    const sealed = await sealChunk(this.#keyOf(key), name, chunk, isWorthwhile)
    await this.#inTurn(() => this.#redis.call((client) => client.set(name, sealed.value, 'PX', ttlMs), 'bulk'))
    return sealed
  }

  /** A chunk; undefined if there is none; `corrupt` if another client has changed it. */
  async chunk(key: string, version: string, index: number): Promise<Chunk | 'corrupt' | undefined> {
    const name = this.#chunkOf(key, version, index)
    const value = await this.#inTurn(() => this.#redis.call((client) => client.getBuffer(name), 'bulk'))
    return value === null ? undefined : await this.#openedChunk(key, name, value)
  }

  /** The chunk that is stored in a head. */
  async inlineChunk(key: string, version: string, value: Buffer): Promise<Chunk | 'corrupt'> {
    return await this.#openedChunk(key, this.#chunkOf(key, version, 0), value)
  }

  /** The only chunk of a small result, for its head. */
  async sealInline(key: string, version: string, chunk: Chunk): Promise<SealedChunk> {
    return await sealChunk(this.#keyOf(key), this.#chunkOf(key, version, 0), chunk, true)
  }

  async #openedChunk(key: string, name: string, value: Buffer): Promise<Chunk | 'corrupt'> {
    const chunk = await openChunk(this.#keyOf(key), name, value).catch(() => undefined)
    if (!chunk) this.#onCorrupt()
    return chunk ?? 'corrupt'
  }

  async #opened(key: string, name: string, value: Buffer | null | undefined): Promise<StoredHead | undefined> {
    if (!value) return undefined
    const opened = openHead(this.#keyOf(key), name, value)
    if (opened) return opened
    this.#onCorrupt()
    await this.#small.run(() => this.#redis.call((client) => client.unlink(name)))
    return undefined
  }

  async #removeChunks(key: string, version: string, chunks: number): Promise<void> {
    if (chunks === 0) return
    const names = Array.from({ length: chunks }, (_, index) => this.#chunkOf(key, version, index))
    await this.#small.run(() => this.#redis.call((client) => client.unlink(...names)))
  }

  async #readFullness(): Promise<void> {
    const text = await this.#small.run(() => this.#redis.call((client) => client.info('memory')))
    const bytesOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    const maxBytes = bytesOf('maxmemory')
    const isFull = maxBytes > 0 && bytesOf('used_memory') > FULL * maxBytes
    this.#fullness = { isFull, readAt: performance.now() }
  }

  async #readClock(): Promise<void> {
    const from = now()
    if (this.#clock && from - this.#clock.readAt < CLOCK_MS) return
    const [seconds, micros] = await this.#redis.call((client) => client.time())
    const middle = (from + now()) / 2
    this.#clock = { offsetMs: Number(seconds) * 1000 + Number(micros) / 1000 - middle, readAt: from }
  }

  /** The time limit of a command counts from its turn on. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const release = await this.#turns.take(undefined, TURN_MS)
    if (!release) throw new StateTimeout(TURN_MS)
    try {
      return await this.#bulk.run(work)
    } finally {
      release()
    }
  }

  /** The key of an entry's name. */
  #keyOf(key: string): RowsKey {
    return this.#keys.get(key.slice(0, key.indexOf('.'))) ?? this.#rowsKey()
  }

  #headOf(key: string): string {
    return `${this.#redis.keyPrefix}rows:{${key}}`
  }

  #leaseOf(key: string): string {
    return `${this.#headOf(key)}:run`
  }

  #followersOf(key: string, version: string): string {
    return `${this.#headOf(key)}:${version}:followed`
  }

  #chunkOf(key: string, version: string, index: number): string {
    return `${this.#headOf(key)}:${version}:${index}`
  }
}
