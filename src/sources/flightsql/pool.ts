import { createPool, type Pool } from 'generic-pool'
import type { UpstreamAddress } from './address.ts'
import type { FlightSqlConfig } from './config.ts'
import { Connection } from './connection.ts'
import { GrpcFailure } from './grpc-failure.ts'
import { Lease } from './lease.ts'
import type { Profile } from './profiles/profile.ts'

/** Why a connection ended. */
export type DestroyReason = 'failed' | 'unusable' | 'aged' | 'idle' | 'unhealthy' | 'closed'

/** Told about what happens in a pool. */
export interface PoolObserver {
  onAcquire(acquireMs: number, reused: boolean): void
  onCreate(): void
  onDestroy(reason: DestroyReason): void
}

/** What the pool holds: a connection, or why there is none, since a pool that fails to create one would try again at once. */
interface Entry {
  readonly createdAt: number
  readonly connection?: Connection
  readonly failure?: unknown
  uses: number
  lastUsedAt: number
  destroyReason: DestroyReason
}

/** How old a failure may be that a caller is told in place of trying again. */
const FRESH_FAILURE_MS = 100

/** Logged-in connections to one address. */
export class ConnectionPool {
  readonly address: UpstreamAddress
  readonly #pool: Pool<Entry>
  readonly #config: FlightSqlConfig
  readonly #observer: PoolObserver
  readonly #closing = new AbortController()
  readonly #healthTimer: NodeJS.Timeout

  /** @param check a cheap call that proves that a connection works */
  constructor(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    observer: PoolObserver,
    check: (connection: Connection, signal: AbortSignal) => Promise<void>,
  ) {
    this.address = address
    this.#config = config
    this.#observer = observer
    const { min, max, acquireTimeoutMs, healthCheckIntervalMs } = config.pool
    this.#pool = createPool<Entry>(
      {
        create: () => this.#create(profile),
        destroy: async (entry) => {
          if (!entry.connection) return
          entry.connection.close()
          observer.onDestroy(entry.destroyReason)
        },
        validate: async (entry) => this.#isUsable(entry),
      },
      {
        min,
        max,
        testOnBorrow: true,
        acquireTimeoutMillis: acquireTimeoutMs,
      },
    )
    this.#healthTimer = setInterval(() => void this.#checkIdle(check), healthCheckIntervalMs)
    this.#healthTimer.unref()
  }

  get stats(): { readonly size: number; readonly idle: number; readonly inUse: number; readonly waiting: number } {
    const { size, available, borrowed, pending } = this.#pool
    return { size, idle: available, inUse: borrowed, waiting: pending }
  }

  /**
   * A connection for the caller alone.
   * @throws GrpcFailure, RESOURCE_EXHAUSTED when none became free in time; or the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const startedAt = performance.now()
    for (;;) {
      const entry = await this.#take(signal)
      if (entry.connection) {
        this.#observer.onAcquire(performance.now() - startedAt, entry.uses > 0)
        entry.uses++
        return this.#leaseOf(entry, entry.connection)
      }
      await this.#pool.destroy(entry)
      if (Date.now() - entry.createdAt < FRESH_FAILURE_MS) throw entry.failure
    }
  }

  /** Ends all connections, those in use too. */
  async close(): Promise<void> {
    clearInterval(this.#healthTimer)
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the gateway is stopping', 'local'))
    // Whoever holds one still is about to be ended; the pool itself would wait for them.
    await Promise.race([this.#pool.drain(), new Promise((resolve) => setTimeout(resolve, 1000))])
    await this.#pool.clear()
  }

  /** Lends no more; each connection ends when its caller gives it back. */
  async retire(): Promise<void> {
    clearInterval(this.#healthTimer)
    await this.#pool.drain()
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the connections are no longer needed', 'local'))
    await this.#pool.clear()
  }

  async #take(signal: AbortSignal): Promise<Entry> {
    signal.throwIfAborted()
    const acquiring = this.#pool.acquire()
    let onAbort: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([acquiring, aborted])
    } catch (error) {
      // Nobody waits for it any more: it goes back as soon as it comes.
      acquiring.then(
        (entry) => void this.#pool.release(entry),
        () => {},
      )
      if (error === signal.reason) throw error
      const { acquireTimeoutMs, max } = this.#config.pool
      throw new GrpcFailure(
        'RESOURCE_EXHAUSTED',
        `none of the ${max} connections became free within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`,
        'local',
        { cause: error, untouched: true },
      )
    } finally {
      signal.removeEventListener('abort', onAbort!)
    }
  }

  #leaseOf(entry: Entry, connection: Connection): Lease {
    return new Lease(connection, (reason) => {
      entry.lastUsedAt = Date.now()
      const clean = (reason === 'done' || reason === 'cancelled') && this.#isUsable(entry)
      if (!clean && (reason === 'failed' || reason === 'unusable')) entry.destroyReason = reason
      void (clean ? this.#pool.release(entry) : this.#pool.destroy(entry))
    })
  }

  async #create(profile: Profile): Promise<Entry> {
    const createdAt = Date.now()
    const base = { createdAt, lastUsedAt: createdAt, uses: 0, destroyReason: 'idle' as DestroyReason }
    try {
      const connection = await Connection.open(this.address, this.#config, profile, this.#closing.signal)
      this.#observer.onCreate()
      return { ...base, connection }
    } catch (failure) {
      return { ...base, createdAt: Date.now(), failure }
    }
  }

  /** An entry that failed is handed out, so that its caller learns why. */
  #isUsable(entry: Entry): boolean {
    if (!entry.connection) return true
    if (!entry.connection.usable) {
      entry.destroyReason = 'unusable'
      return false
    }
    if (Date.now() - entry.createdAt < this.#config.pool.maxAgeMs) return true
    entry.destroyReason = 'aged'
    return false
  }

  /** Tries each idle connection: what fails is replaced, what nobody has used for long ends. */
  async #checkIdle(check: (connection: Connection, signal: AbortSignal) => Promise<void>): Promise<void> {
    for (let left = this.#pool.available; left > 0; left--) {
      let entry: Entry
      try {
        entry = await this.#pool.acquire()
      } catch {
        return
      }
      try {
        if (!entry.connection) throw entry.failure
        // A check is no use.
        const isIdle = Date.now() - entry.lastUsedAt >= this.#config.pool.idleTimeoutMs
        if (isIdle && this.#pool.size > this.#config.pool.min) {
          await this.#pool.destroy(entry)
          continue
        }
        const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#config.requestTimeoutMs)])
        await check(entry.connection, signal)
        await this.#pool.release(entry)
      } catch {
        entry.destroyReason = 'unhealthy'
        await this.#pool.destroy(entry)
      }
    }
  }
}
