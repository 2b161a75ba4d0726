import { createPool, type Pool } from 'generic-pool'
import { endsUntil } from '../../../async/ends-until.ts'
import { type Release, Semaphore } from '../../../async/semaphore.ts'
import { untilAborted } from '../../../async/until-aborted.ts'
import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import { ConnectionPace } from '../../../grpc/client/connection-pace.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { timeLimit } from '../../../query/time-limit.ts'
import { Connection } from '../protocol/connection.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { isBreakerOpen } from './circuit-breaker.ts'
import { Lease, type LeaseEnd } from './lease.ts'
import {
  type DestroyReason,
  type Entry,
  failureOf,
  flawOf,
  hasEndedAtOnce,
  isLost,
  newEntry,
  noneCame,
  noneFree,
  unavailable,
} from './pool-entry.ts'

/** Told about the connections of a pool. */
export interface PoolObserver {
  onAcquire(acquireMs: number, reused: boolean): void
  onCreate(): void
  onDestroy(reason: DestroyReason): void
  onRelease(end: LeaseEnd): void
}

/** A cheap call that proves that a connection works. */
export type Check = (connection: Connection, signal: AbortSignal) => Promise<void>

/** How long `close` waits for leases, in milliseconds. */
const CLOSE_WAIT_MS = 1000

/**
 * Logged-in connections to one address. generic-pool holds them, opens them up to `max` and replaces them up to `min`. What
 * it lacks is done here:
 * - Queue: a request cannot leave its queue, counts as waiting and has a connection made for it. Requests queue for permits.
 * - Errors: when a connection cannot be opened it tries again at once and reports nothing. An entry then holds the failure.
 * - Validation: it would replace a new connection that the server has ended by another new one, without end, and it checks
 *   no connection that is idle. `acquire` and the health check do.
 * - Eviction: it takes a health check for use, which would keep connections for ever. The health check evicts.
 */
export class ConnectionPool {
  readonly address: UpstreamAddress
  readonly #pool: Pool<Entry>
  readonly #permits: Semaphore
  readonly #config: FlightSqlConfig
  readonly #profile: Profile
  readonly #observer: PoolObserver
  readonly #check: Check
  readonly #pace: ConnectionPace
  readonly #closing = new AbortController()
  readonly #healthTimer: NodeJS.Timeout
  /** Requests that have a permit and no connection yet. */
  #connecting = 0
  /** Entries that hold a failure. */
  #failures = 0

  /** @param pace shared by the pools of the address */
  constructor(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    observer: PoolObserver,
    check: Check,
    pace = new ConnectionPace(),
  ) {
    this.address = address
    this.#config = config
    this.#profile = profile
    this.#observer = observer
    this.#check = check
    this.#pace = pace
    const { min, max, healthCheckIntervalMs } = config.pool
    const factory = { create: () => this.#create(), destroy: async (entry: Entry) => this.#destroyed(entry) }
    this.#pool = createPool(factory, { min, max })
    this.#permits = new Semaphore(max)
    const checkIdle = () => this.#eachIdle((entry) => this.#checkOne(entry))
    this.#healthTimer = setInterval(() => void checkIdle(), healthCheckIntervalMs).unref()
  }

  get stats(): { readonly size: number; readonly idle: number; readonly inUse: number; readonly waiting: number } {
    const { size, available, borrowed } = this.#pool
    return {
      size: size - this.#failures,
      idle: Math.max(0, available - this.#failures),
      inUse: borrowed,
      waiting: this.#permits.waiting + this.#connecting,
    }
  }

  /** Whether a caller would get a connection without waiting for another to give theirs back. */
  get hasRoom(): boolean {
    return this.#permits.isFree()
  }

  /**
   * A connection for the caller alone.
   * @throws GrpcFailure: RESOURCE_EXHAUSTED when none became free in time, UNAVAILABLE when a new one has ended at once, else as
   *   connecting does; or the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const startedAt = performance.now()
    const askedAt = Date.now()
    const giveBack = (!signal.aborted && this.#permits.tryTake()) || (await this.#permit(signal))
    this.#connecting++
    let request: Promise<Entry> | undefined
    try {
      for (;;) {
        // An idle connection is available immediately: skip the timer and the abort listener.
        const isIdle = this.#pool.available > 0 && this.#pool.pending === 0
        request = isIdle ? undefined : this.#request()
        const entry = await (request ? this.#inTime(request, startedAt, signal) : this.#request())
        request = undefined
        if (entry.connection && !flawOf(entry, this.#config.pool.maxAgeMs)) {
          this.#observer.onAcquire(performance.now() - startedAt, entry.uses > 0)
          entry.uses++
          return this.#leaseOf(entry, entry.connection, giveBack)
        }
        await this.#putBack(entry)
        const failure = failureOf(entry, askedAt)
        if (failure !== undefined) throw failure
      }
    } catch (error) {
      // An entry that comes too late goes back as soon as it comes, and so does the permit.
      if (request) request.then((entry) => this.#pool.release(entry)).then(giveBack, giveBack)
      else giveBack()
      throw error
    } finally {
      this.#connecting--
    }
  }

  /** Ends all connections, including those in use. */
  async close(): Promise<void> {
    clearInterval(this.#healthTimer)
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the gateway is stopping', 'local'))
    // The connections of leases end with the gateway; the pool itself would wait for them.
    await endsUntil(this.#pool.drain(), performance.now() + CLOSE_WAIT_MS)
    await this.#pool.clear()
  }

  /** Refuses further requests; each connection ends when its caller gives it back. */
  async retire(): Promise<void> {
    clearInterval(this.#healthTimer)
    // Requests that wait already are served first.
    const { acquireTimeoutMs } = this.#config.pool
    const giveBack = await this.#permits.take(this.#closing.signal, acquireTimeoutMs).catch(() => undefined)
    giveBack?.()
    await this.#pool.drain()
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the connections are no longer needed', 'local'))
    await this.#pool.clear()
  }

  /** Ends the idle connections. */
  async dropIdle(): Promise<void> {
    await this.#eachIdle((entry) => this.#putBack(entry, 'unhealthy'))
  }

  /** @throws GrpcFailure RESOURCE_EXHAUSTED, UNAVAILABLE when connections are still being opened; or the signal's reason */
  async #permit(signal: AbortSignal): Promise<Release> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const giveBack = await this.#permits.take(signal, acquireTimeoutMs)
    if (giveBack) return giveBack
    // Fewer connections borrowed than permits taken: the rest are still connecting.
    throw this.#pool.borrowed < max ? noneCame(acquireTimeoutMs) : noneFree(max, acquireTimeoutMs)
  }

  /** An idle entry or a new one. @throws GrpcFailure UNAVAILABLE when the pool is retired */
  async #request(): Promise<Entry> {
    try {
      return await this.#pool.acquire()
    } catch (cause) {
      throw unavailable('the connections are no longer lent', cause)
    }
  }

  /**
   * Waits for an entry for what is left of the caller's time.
   * @throws GrpcFailure when none has come in time: UNAVAILABLE if most of it went into connecting; or the signal's reason
   */
  async #inTime(request: Promise<Entry>, startedAt: number, signal: AbortSignal): Promise<Entry> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const leftMs = Math.max(0, startedAt + acquireTimeoutMs - performance.now())
    const limit = timeLimit(signal, leftMs, () =>
      leftMs > acquireTimeoutMs / 2 ? noneCame(acquireTimeoutMs) : noneFree(max, acquireTimeoutMs),
    )
    try {
      return await untilAborted(request, limit.signal)
    } finally {
      limit.clear()
    }
  }

  #leaseOf(entry: Entry, connection: Connection, giveBack: Release): Lease {
    return new Lease(connection, (end) => {
      const { reason } = end
      this.#observer.onRelease(end)
      entry.lastUsedAt = Date.now()
      if (reason === 'done') {
        entry.hasServed = true
        this.#pace.onServed()
      }
      void this.#putBack(entry, reason === 'failed' || reason === 'unusable' ? reason : undefined)
      giveBack()
    })
  }

  async #create(): Promise<Entry> {
    let isConnected = false
    const onConnected = () => {
      isConnected = true
    }
    const { signal } = this.#closing
    try {
      await this.#pace.turn(signal)
      const createdAt = Date.now()
      const connection = await Connection.open(this.address, this.#config, this.#profile, signal, onConnected)
      this.#observer.onCreate()
      return newEntry({ connection }, createdAt)
    } catch (failure) {
      if (isConnected && isLost(failure)) this.#pace.onEndedAtOnce()
      this.#failures++
      return newEntry({ failure }, Date.now())
    }
  }

  /** Told of each entry that the pool has ended. */
  #destroyed(entry: Entry): void {
    if (!entry.connection) {
      this.#failures--
      return
    }
    if (hasEndedAtOnce(entry)) this.#pace.onEndedAtOnce()
    entry.connection.close()
    this.#observer.onDestroy(this.#closing.signal.aborted ? 'closed' : entry.destroyReason)
  }

  /** Gives an entry back to the pool, which ends it for a reason given or a flaw of its own. */
  #putBack(entry: Entry, reason = flawOf(entry, this.#config.pool.maxAgeMs)): Promise<void> {
    if (!reason) return this.#pool.release(entry)
    entry.destroyReason = reason
    return this.#pool.destroy(entry)
  }

  /** Does something with each idle entry, with all at the same time: one that hangs must not hold up the others. */
  async #eachIdle(work: (entry: Entry) => Promise<void>): Promise<void> {
    const all: Promise<void>[] = []
    for (let left = this.#pool.available; left > 0; left--) {
      const giveBack = this.#permits.tryTake()
      if (!giveBack) break
      all.push(this.#pool.acquire().then(work).finally(giveBack))
    }
    // A pool that is retired meanwhile refuses.
    await Promise.allSettled(all)
  }

  /** Ends an idle entry that is flawed, that has not been used for long, or whose connection does not work. */
  async #checkOne(entry: Entry): Promise<void> {
    const { pool, requestTimeoutMs } = this.#config
    // A health check does not count as use.
    const isUnused = Date.now() - entry.lastUsedAt >= pool.idleTimeoutMs && this.#pool.size > pool.min
    let reason = flawOf(entry, this.#config.pool.maxAgeMs) ?? (isUnused ? 'idle' : undefined)
    if (entry.connection && !reason) {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(requestTimeoutMs)])
      const failure = await this.#check(entry.connection, signal).catch((error: unknown) => error)
      // With the breaker open the connection has not been tried.
      if (failure !== undefined && !isBreakerOpen(failure)) reason = 'unhealthy'
    }
    await this.#putBack(entry, reason)
  }
}
