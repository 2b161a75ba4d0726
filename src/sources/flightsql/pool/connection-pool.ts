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
  connectTimedOut,
  type DestroyReason,
  type Entry,
  failureOf,
  flawOf,
  hasEndedAtOnce,
  isLost,
  newEntry,
  poolExhausted,
  unavailable,
} from './pool-entry.ts'

/** Receives the events of a pool. */
export interface PoolObserver {
  onAcquire(acquireMs: number, reused: boolean): void
  onCreate(): void
  onDestroy(reason: DestroyReason): void
  onRelease(end: LeaseEnd): void
}

/** A cheap call that proves that a connection works. */
export type Check = (connection: Connection, signal: AbortSignal) => Promise<void>

/** Longest time that `close` waits for leases, in milliseconds. */
const CLOSE_WAIT_MS = 1000

/**
 * Logged-in connections to one address. generic-pool stores them, opens up to `max` and refills up to `min`. This class adds
 * what generic-pool lacks:
 * - Queue: a request cannot leave generic-pool's queue, and always makes it open a connection. Requests wait for a permit here
 *   instead.
 * - Errors: generic-pool retries a failed connect at once and reports nothing. `#create` returns an entry with the failure.
 * - Validation: generic-pool replaces a new connection that the server has closed by another, without end, and does not check
 *   idle connections. `acquire` and the health check do both.
 * - Eviction: generic-pool counts a health check as use and would never evict. The health check evicts.
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
  /** Requests with a permit but no connection yet. */
  #connecting = 0
  /** Entries in generic-pool that hold a failure instead of a connection. */
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

  /** Largest number of connections. */
  get max(): number {
    return this.#config.pool.max
  }

  /** Whether a caller would get a permit without waiting for another caller to release one. */
  get hasRoom(): boolean {
    return this.#permits.isFree()
  }

  /**
   * Leases a connection to one caller.
   * @throws GrpcFailure: RESOURCE_EXHAUSTED when none becomes free in time, UNAVAILABLE when the server closes a new one at
   *   once, else the failure of the connect or login; or the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const startedAt = performance.now()
    const askedAt = Date.now()
    const releasePermit = (!signal.aborted && this.#permits.tryTake()) || (await this.#permit(signal))
    this.#connecting++
    let request: Promise<Entry> | undefined
    try {
      for (;;) {
        // An idle connection is available immediately: skip the timer and the abort listener.
        const isIdle = this.#pool.available > 0 && this.#pool.pending === 0
        request = isIdle ? undefined : this.#borrow()
        const entry = await (request ? this.#waitForEntry(request, startedAt, signal) : this.#borrow())
        request = undefined
        if (entry.connection && !flawOf(entry, this.#config.pool.maxAgeMs)) {
          this.#observer.onAcquire(performance.now() - startedAt, entry.uses > 0)
          entry.uses++
          return this.#leaseOf(entry, entry.connection, releasePermit)
        }
        await this.#return(entry)
        const failure = failureOf(entry, askedAt)
        if (failure !== undefined) throw failure
      }
    } catch (error) {
      // An entry that arrives too late returns to the pool, and its permit with it.
      if (request) request.then((entry) => this.#pool.release(entry)).then(releasePermit, releasePermit)
      else releasePermit()
      throw error
    } finally {
      this.#connecting--
    }
  }

  /** Closes all connections, including those in use. */
  async close(): Promise<void> {
    clearInterval(this.#healthTimer)
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the gateway is stopping', 'local'))
    // generic-pool would wait for all leases, but the process ends with them.
    await endsUntil(this.#pool.drain(), performance.now() + CLOSE_WAIT_MS)
    await this.#pool.clear()
  }

  /** Rejects new requests. Each connection closes when its lease ends. */
  async retire(): Promise<void> {
    clearInterval(this.#healthTimer)
    // Serve the requests that already wait.
    const { acquireTimeoutMs } = this.#config.pool
    const releasePermit = await this.#permits.take(this.#closing.signal, acquireTimeoutMs).catch(() => undefined)
    releasePermit?.()
    await this.#pool.drain()
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the connections are no longer needed', 'local'))
    await this.#pool.clear()
  }

  /** Closes the idle connections. */
  async dropIdle(): Promise<void> {
    await this.#eachIdle((entry) => this.#return(entry, 'unhealthy'))
  }

  /** @throws GrpcFailure RESOURCE_EXHAUSTED, UNAVAILABLE when connections are still being opened; or the signal's reason */
  async #permit(signal: AbortSignal): Promise<Release> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const releasePermit = await this.#permits.take(signal, acquireTimeoutMs)
    if (releasePermit) return releasePermit
    // Fewer connections borrowed than permits issued: the rest are still connecting.
    throw this.#pool.borrowed < max ? connectTimedOut(acquireTimeoutMs) : poolExhausted(max, acquireTimeoutMs)
  }

  /** An idle entry or a new one. @throws GrpcFailure UNAVAILABLE when the pool is retired */
  async #borrow(): Promise<Entry> {
    try {
      return await this.#pool.acquire()
    } catch (cause) {
      throw unavailable('the pool is closed', cause)
    }
  }

  /**
   * Waits for an entry for the rest of `acquireTimeoutMs`.
   * @throws GrpcFailure after that time: UNAVAILABLE if connecting took most of it, else RESOURCE_EXHAUSTED; or the signal's
   *   reason
   */
  async #waitForEntry(request: Promise<Entry>, startedAt: number, signal: AbortSignal): Promise<Entry> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const leftMs = Math.max(0, startedAt + acquireTimeoutMs - performance.now())
    const limit = timeLimit(signal, leftMs, () =>
      leftMs > acquireTimeoutMs / 2 ? connectTimedOut(acquireTimeoutMs) : poolExhausted(max, acquireTimeoutMs),
    )
    try {
      return await untilAborted(request, limit.signal)
    } finally {
      limit.clear()
    }
  }

  #leaseOf(entry: Entry, connection: Connection, releasePermit: Release): Lease {
    return new Lease(connection, (end) => {
      const { reason } = end
      this.#observer.onRelease(end)
      entry.lastUsedAt = Date.now()
      if (reason === 'done') {
        entry.hasServed = true
        this.#pace.onServed()
      }
      void this.#return(entry, reason === 'failed' || reason === 'unusable' ? reason : undefined)
      releasePermit()
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

  /** Called for each entry that the pool has destroyed. */
  #destroyed(entry: Entry): void {
    if (!entry.connection) {
      this.#failures--
      return
    }
    if (hasEndedAtOnce(entry)) this.#pace.onEndedAtOnce()
    entry.connection.close()
    this.#observer.onDestroy(this.#closing.signal.aborted ? 'closed' : entry.destroyReason)
  }

  /** Returns an entry to the pool. The pool destroys it if there is a reason: the one given, or a flaw of the entry. */
  #return(entry: Entry, reason = flawOf(entry, this.#config.pool.maxAgeMs)): Promise<void> {
    if (!reason) return this.#pool.release(entry)
    entry.destroyReason = reason
    return this.#pool.destroy(entry)
  }

  /** Runs work on all idle entries in parallel, so that one that hangs does not delay the others. */
  async #eachIdle(work: (entry: Entry) => Promise<void>): Promise<void> {
    const all: Promise<void>[] = []
    for (let left = this.#pool.available; left > 0; left--) {
      const releasePermit = this.#permits.tryTake()
      if (!releasePermit) break
      all.push(this.#pool.acquire().then(work).finally(releasePermit))
    }
    // Acquire fails once the pool is retired.
    await Promise.allSettled(all)
  }

  /** Health check: destroys an idle entry that is flawed, unused for `idleTimeoutMs`, or whose connection fails the check. */
  async #checkOne(entry: Entry): Promise<void> {
    const { pool, requestTimeoutMs } = this.#config
    // A health check does not count as use.
    const isUnused = Date.now() - entry.lastUsedAt >= pool.idleTimeoutMs && this.#pool.size > pool.min
    let reason = flawOf(entry, this.#config.pool.maxAgeMs) ?? (isUnused ? 'idle' : undefined)
    if (entry.connection && !reason) {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(requestTimeoutMs)])
      const failure = await this.#check(entry.connection, signal).catch((error: unknown) => error)
      // With the breaker open the check did not run.
      if (failure !== undefined && !isBreakerOpen(failure)) reason = 'unhealthy'
    }
    await this.#return(entry, reason)
  }
}
