import { createPool, type Pool } from 'generic-pool'
import { type Release, Semaphore } from '../../../async/semaphore.ts'
import type { UpstreamAddress } from '../../../grpc/client/address.ts'
import { ConnectionPace } from '../../../grpc/client/connection-pace.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { Connection } from '../protocol/connection.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { isBreakerOpen } from './circuit-breaker.ts'
import { Lease, type LeaseEnd } from './lease.ts'
import {
  type DestroyReason,
  type Entry,
  endedFailure,
  hasEndedAtOnce,
  isLost,
  newEntry,
  noneCame,
  noneFree,
  unavailable,
} from './pool-entry.ts'

/** Told about what happens in a pool. */
export interface PoolObserver {
  onAcquire(acquireMs: number, reused: boolean): void
  onCreate(): void
  onDestroy(reason: DestroyReason): void
  onRelease(end: LeaseEnd): void
}

/** How old a failure may be that a caller is told in place of trying again. */
const FRESH_FAILURE_MS = 100
/**
 * Logged-in connections to one address. Callers wait for a turn, of which there are as many as connections, in a line of the
 * pool's own: in generic-pool's those who have left would stay, count as waiting, and have connections made for them.
 */
export class ConnectionPool {
  readonly address: UpstreamAddress
  readonly #pool: Pool<Entry>
  readonly #turns: Semaphore
  readonly #config: FlightSqlConfig
  readonly #observer: PoolObserver
  readonly #pace: ConnectionPace
  readonly #closing = new AbortController()
  readonly #healthTimer: NodeJS.Timeout
  /** Callers whose turn it is and who have no connection yet. */
  #connecting = 0
  /** Entries that hold no connection. */
  #failures = 0

  /**
   * @param check a cheap call that proves that a connection works
   * @param pace shared by the pools of the address
   */
  constructor(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    observer: PoolObserver,
    check: (connection: Connection, signal: AbortSignal) => Promise<void>,
    pace = new ConnectionPace(),
  ) {
    this.#pace = pace
    this.address = address
    this.#config = config
    this.#observer = observer
    const { min, max, healthCheckIntervalMs } = config.pool
    this.#pool = createPool<Entry>(
      {
        create: () => this.#create(profile),
        destroy: async (entry) => {
          if (!entry.connection) {
            this.#failures--
            return
          }
          if (hasEndedAtOnce(entry)) pace.onEndedAtOnce()
          entry.connection.close()
          observer.onDestroy(this.#closing.signal.aborted ? 'closed' : entry.destroyReason)
        },
      },
      { min, max },
    )
    this.#turns = new Semaphore(max)
    this.#healthTimer = setInterval(
      () => void this.#eachIdle((entry) => this.#checkOne(entry, check)),
      healthCheckIntervalMs,
    )
    this.#healthTimer.unref()
  }

  get stats(): { readonly size: number; readonly idle: number; readonly inUse: number; readonly waiting: number } {
    const { size, available, borrowed } = this.#pool
    return {
      size: size - this.#failures,
      idle: Math.max(0, available - this.#failures),
      inUse: borrowed,
      waiting: this.#turns.waiting + this.#connecting,
    }
  }

  /** Whether a caller would get a connection without waiting for another to give his back. */
  get hasRoom(): boolean {
    return this.#turns.isFree()
  }

  /**
   * A connection for the caller alone.
   * @throws GrpcFailure: RESOURCE_EXHAUSTED when none became free in time, UNAVAILABLE when a new one has ended at once, else as
   *   connecting does; or the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const startedAt = performance.now()
    const askedAt = Date.now()
    const endTurn = (!signal.aborted && this.#turns.tryTake()) || (await this.#turn(signal))
    this.#connecting++
    try {
      for (;;) {
        // What is there comes at once, and need not be waited for with all that waiting takes.
        const atOnce = this.#pool.available > 0 && this.#pool.pending === 0
        const entry = atOnce ? await this.#takeIdle(endTurn) : await this.#take(signal, startedAt, endTurn)
        if (entry.connection && !this.#isUsable(entry)) {
          await this.#pool.destroy(entry)
          // One that had waited may be stale, and so may the next; a new one would end as this has.
          if (entry.createdAt < askedAt) continue
          endTurn()
          throw endedFailure(entry.connection)
        }
        if (entry.connection) {
          this.#observer.onAcquire(performance.now() - startedAt, entry.uses > 0)
          entry.uses++
          return this.#leaseOf(entry, entry.connection, endTurn)
        }
        await this.#pool.destroy(entry)
        if (Date.now() - entry.createdAt < FRESH_FAILURE_MS) {
          endTurn()
          throw entry.failure
        }
      }
    } finally {
      this.#connecting--
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
    // Those who wait already are served first.
    const endTurn = await this.#turns
      .take(this.#closing.signal, this.#config.pool.acquireTimeoutMs)
      .catch(() => undefined)
    endTurn?.()
    await this.#pool.drain()
    this.#closing.abort(new GrpcFailure('UNAVAILABLE', 'the connections are no longer needed', 'local'))
    await this.#pool.clear()
  }

  /** @throws GrpcFailure RESOURCE_EXHAUSTED, UNAVAILABLE when it is for want of connections, or the signal's reason */
  async #turn(signal: AbortSignal): Promise<Release> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const endTurn = await this.#turns.take(signal, acquireTimeoutMs)
    if (endTurn) return endTurn
    // Turns that are not with callers are with connections that do not come about.
    throw this.#pool.borrowed < max ? noneCame(acquireTimeoutMs) : noneFree(max, acquireTimeoutMs)
  }

  /** An entry that is idle, on the caller's turn, which ends when there is none. @throws GrpcFailure UNAVAILABLE */
  async #takeIdle(endTurn: Release): Promise<Entry> {
    try {
      return await this.#fromPool()
    } catch (error) {
      endTurn()
      throw error
    }
  }

  /** @throws GrpcFailure UNAVAILABLE when the pool is at its end */
  async #fromPool(): Promise<Entry> {
    try {
      return await this.#pool.acquire()
    } catch (cause) {
      throw unavailable('the connections are no longer lent', cause)
    }
  }

  /**
   * An idle entry or a new one, on the caller's turn. When it fails the turn ends, at the latest when the entry has come.
   * @throws GrpcFailure when none has come in time: UNAVAILABLE if most of it went into connecting; or the signal's reason
   */
  async #take(signal: AbortSignal, startedAt: number, endTurn: Release): Promise<Entry> {
    const { acquireTimeoutMs, max } = this.#config.pool
    const leftMs = Math.max(0, startedAt + acquireTimeoutMs - performance.now())
    const acquiring = this.#fromPool()
    let onAbort: (() => void) | undefined
    let timer: NodeJS.Timeout | undefined
    const over = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason)
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      timer = setTimeout(
        () => reject(leftMs > acquireTimeoutMs / 2 ? noneCame(acquireTimeoutMs) : noneFree(max, acquireTimeoutMs)),
        leftMs,
      )
    })
    try {
      return await Promise.race([acquiring, over])
    } catch (error) {
      // Nobody waits for it any more: it goes back as soon as it comes.
      acquiring.then((entry) => this.#pool.release(entry)).then(endTurn, endTurn)
      throw error
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort!)
    }
  }

  #leaseOf(entry: Entry, connection: Connection, endTurn: Release): Lease {
    return new Lease(connection, (end) => {
      const { reason } = end
      this.#observer.onRelease(end)
      entry.lastUsedAt = Date.now()
      if (reason === 'done') {
        entry.hasServed = true
        this.#pace.onServed()
      }
      const clean = (reason === 'done' || reason === 'cancelled') && this.#isUsable(entry)
      if (!clean && (reason === 'failed' || reason === 'unusable')) entry.destroyReason = reason
      void (clean ? this.#pool.release(entry) : this.#pool.destroy(entry))
      endTurn()
    })
  }

  async #create(profile: Profile): Promise<Entry> {
    let isConnected = false
    const onConnected = () => {
      isConnected = true
    }
    const { signal } = this.#closing
    try {
      await this.#pace.turn(signal)
      const createdAt = Date.now()
      const connection = await Connection.open(this.address, this.#config, profile, signal, onConnected)
      this.#observer.onCreate()
      return newEntry({ connection }, createdAt)
    } catch (failure) {
      if (isConnected && isLost(failure)) this.#pace.onEndedAtOnce()
      this.#failures++
      return newEntry({ failure }, Date.now())
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

  /** Ends the connections that nobody uses. */
  async dropIdle(): Promise<void> {
    await this.#eachIdle(async (entry) => {
      entry.destroyReason = 'unhealthy'
      await this.#pool.destroy(entry)
    })
  }

  /** Does something with each connection that nobody uses, with all at a time: one that hangs must not hold up the others. */
  async #eachIdle(work: (entry: Entry) => Promise<void>): Promise<void> {
    const all: Promise<void>[] = []
    for (let left = this.#pool.available; left > 0; left--) {
      const endTurn = this.#turns.tryTake()
      if (!endTurn) break
      all.push(this.#pool.acquire().then(work).finally(endTurn))
    }
    // What is rejected is a pool that lends no more.
    await Promise.allSettled(all)
  }

  /** What fails is replaced, what nobody has used for long ends. */
  async #checkOne(entry: Entry, check: (connection: Connection, signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      if (!entry.connection) throw entry.failure
      // A server may end what it does not need: that is no fault of its.
      if (!this.#isUsable(entry)) {
        await this.#pool.destroy(entry)
        return
      }
      // A check is no use.
      const isIdle = Date.now() - entry.lastUsedAt >= this.#config.pool.idleTimeoutMs
      if (isIdle && this.#pool.size > this.#config.pool.min) {
        await this.#pool.destroy(entry)
        return
      }
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#config.requestTimeoutMs)])
      await check(entry.connection, signal)
      await this.#pool.release(entry)
    } catch (error) {
      // Refused by the breaker: the connection has not been tried.
      if (isBreakerOpen(error)) {
        await this.#pool.release(entry)
        return
      }
      entry.destroyReason = 'unhealthy'
      await this.#pool.destroy(entry)
    }
  }
}
