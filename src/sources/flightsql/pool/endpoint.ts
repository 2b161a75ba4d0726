import { formatAddress, type UpstreamAddress } from '../../../grpc/client/address.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { BreakerMode } from '../../../query/source.ts'
import type { Connection } from '../protocol/connection.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import { RefusedLogin } from '../protocol/refused-login.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { type Breaker, type BreakerState, isAnswer, isFault } from './circuit-breaker.ts'
import { ConnectionPool } from './connection-pool.ts'
import { type Lease, type LeaseEnd, releaseReasonOf } from './lease.ts'
import type { DestroyReason } from './pool-entry.ts'

/** Receives the events of connections and breakers; `address` is as in the configuration. */
export interface EndpointObserver {
  onAcquire(address: string, acquireMs: number, reused: boolean): void
  onCreate(address: string): void
  /** A call is retried at this address. */
  onRetry(address: string): void
  onDestroy(address: string, reason: DestroyReason): void
  /** Change in the bytes buffered for slow clients, in memory and on disk. */
  onBuffered(memoryDelta: number, spillDelta: number): void
  onBreaker(address: string, state: BreakerState): void
}

/** Longest time of a probe, in milliseconds. */
const MAX_PROBE_MS = 5000
/** Calls in a row that end at their client's deadline before the endpoint probes the address. */
const MAX_DEADLINES_IN_A_ROW = 5
/** Streams in a row that break midway before the breaker opens. */
const MAX_BROKEN_STREAMS = 5

/** One address of an upstream, with its connection pool and its circuit breaker. */
export class Endpoint {
  readonly address: UpstreamAddress
  readonly name: string
  readonly pool: ConnectionPool
  readonly #breaker: Breaker
  readonly #probeTimeoutMs: number
  /** Calls in a row that ended at their deadline, with no answer of the address between them. */
  #deadlinesInARow = 0
  #isProbing = false
  /** Streams in a row that broke midway, with no complete one between them. */
  #brokenStreams = 0
  readonly #check: (connection: Connection, signal: AbortSignal) => Promise<void>

  /** @param check a cheap call that proves that a connection works */
  constructor(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    breaker: Breaker,
    observer: EndpointObserver,
    check: (connection: Connection, signal: AbortSignal) => Promise<void>,
  ) {
    this.address = address
    this.name = formatAddress(address)
    this.#breaker = breaker
    this.#check = check
    this.#probeTimeoutMs = Math.min(config.requestTimeoutMs, MAX_PROBE_MS)
    const name = this.name
    this.pool = new ConnectionPool(
      address,
      config,
      profile,
      {
        onAcquire: (ms, reused) => observer.onAcquire(name, ms, reused),
        onCreate: () => observer.onCreate(name),
        onDestroy: (reason) => observer.onDestroy(name, reason),
        onRelease: (end) => this.noticeEnd(end),
      },
      // The breaker counts the outcome of a health check.
      (connection, signal) => breaker.guard(() => check(connection, signal)),
      breaker.pace,
    )
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  get mode(): BreakerMode {
    return this.#breaker.mode
  }

  /**
   * Leases a connection for some work. The lease ends with the work, unless the work keeps it.
   * @param held an existing lease to use instead of a new one
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; GrpcFailure, or the signal's reason
   */
  async withLease<T>(signal: AbortSignal, work: (lease: Lease) => Promise<T>, held?: Lease): Promise<T> {
    // Work may take forever, so that it cannot serve as the probe of a half-open breaker: wait for the probe.
    await this.#breaker.probed(signal)
    return await this.#breaker.guard(async () => {
      using lease = held ?? (await this.pool.acquire(signal))
      try {
        const result = await work(lease)
        this.#deadlinesInARow = 0
        return result
      } catch (error) {
        lease.release(releaseReasonOf(error, signal))
        this.#notice(error)
        throw error
      }
    })
  }

  /** Makes the cheap call on a connection. @throws GrpcFailure, or a timeout error */
  async probe(): Promise<void> {
    const signal = AbortSignal.timeout(this.#probeTimeoutMs)
    using lease = await this.pool.acquire(signal)
    try {
      await this.#check(lease.connection, signal)
    } catch (error) {
      lease.release(releaseReasonOf(error))
      // An error response is an answer too.
      if (!(error instanceof GrpcFailure) || error.origin !== 'upstream' || error.status === 'UNAUTHENTICATED')
        throw error
    }
  }

  /**
   * Records how a lease ended. The breaker has already counted a stream that breaks midway as a success, so that it alone would
   * never open; the endpoint counts broken streams itself.
   */
  noticeEnd({ reason, error, isKept }: LeaseEnd): void {
    if (!isKept) return
    if (reason === 'done') this.#brokenStreams = 0
    // The client chose the deadline: exceeding it does not prove a fault of the upstream.
    if (reason !== 'failed' || !isFault(error) || error.status === 'DEADLINE_EXCEEDED') return
    if (++this.#brokenStreams >= MAX_BROKEN_STREAMS && this.state === 'closed') this.#breaker.trip()
  }

  /** Clients choose deadlines, so one exceeded proves nothing. Several in a row without an answer trigger a probe. */
  #notice(error: unknown): void {
    if (isAnswer(error)) this.#deadlinesInARow = 0
    else if (error instanceof GatewayError && error.code === 'DEADLINE') this.#deadlinesInARow++
    else return
    if (
      this.#deadlinesInARow >= MAX_DEADLINES_IN_A_ROW &&
      !this.#isProbing &&
      this.pool.hasRoom &&
      this.state === 'closed'
    )
      void this.#probeSuspect()
  }

  /** Probes the address and opens the breaker if it does not answer. */
  async #probeSuspect(): Promise<void> {
    this.#isProbing = true
    try {
      await this.probe().catch(async () => {
        // The idle connections may be dead although the address works: probe again on a new one.
        await this.pool.dropIdle()
        await this.probe()
      })
      this.#deadlinesInARow = 0
    } catch (error) {
      if (this.state === 'closed' && !(error instanceof RefusedLogin)) this.#breaker.trip()
    } finally {
      this.#isProbing = false
    }
  }
}
