import { formatAddress, type UpstreamAddress } from '../../../grpc/client/address.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Connection } from '../protocol/connection.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { type Breaker, type BreakerState, isAnswer, isFault } from './circuit-breaker.ts'
import { ConnectionPool } from './connection-pool.ts'
import { type Lease, type LeaseEnd, releaseReasonOf } from './lease.ts'
import type { DestroyReason } from './pool-entry.ts'

/** Told about connections and breakers; `address` is as in the configuration. */
export interface EndpointObserver {
  onAcquire(address: string, acquireMs: number, reused: boolean): void
  onCreate(address: string): void
  /** A call is tried again, at this address. */
  onRetry(address: string): void
  onDestroy(address: string, reason: DestroyReason): void
  /** Change in the bytes that are buffered for slow clients, in memory and on disk. */
  onCushion(memoryDelta: number, spillDelta: number): void
  onBreaker(address: string, state: BreakerState): void
}

/** Time that a probe may take, in milliseconds. */
const MAX_PROBE_MS = 5000
/** Calls in a row that end at their clients' deadlines before the address is probed. */
const MAX_UNANSWERED = 5
/** Results in a row that break midway before the breaker opens. */
const MAX_BROKEN = 5

/** One address of an upstream, with its connection pool and its circuit breaker. */
export class Endpoint {
  readonly address: UpstreamAddress
  readonly name: string
  readonly pool: ConnectionPool
  readonly #breaker: Breaker
  readonly #probeTimeoutMs: number
  /** Calls in a row that ended at their deadline, with no answer from the address between them. */
  #unanswered = 0
  #examining = false
  /** Results in a row that broke midway, with none that ended well between them. */
  #broken = 0
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

  /**
   * Takes a connection for a piece of work and gives it back when the work has ended, unless the work has kept the lease.
   * @param held a lease to work on in place of a new one
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; GrpcFailure, or the signal's reason
   */
  async lend<T>(signal: AbortSignal, work: (lease: Lease) => Promise<T>, held?: Lease): Promise<T> {
    // The work may take for ever: while the breaker is half-open, its probe decides.
    await this.#breaker.probed(signal)
    return await this.#breaker.guard(async () => {
      using lease = held ?? (await this.pool.acquire(signal))
      try {
        const result = await work(lease)
        this.#unanswered = 0
        return result
      } catch (error) {
        lease.release(releaseReasonOf(error, signal))
        this.#notice(error)
        throw error
      }
    })
  }

  /** Makes the cheap call on a connection. @throws GrpcFailure, or the reason of its time limit */
  async probe(): Promise<void> {
    const signal = AbortSignal.timeout(this.#probeTimeoutMs)
    using lease = await this.pool.acquire(signal)
    try {
      await this.#check(lease.connection, signal)
    } catch (error) {
      lease.release(releaseReasonOf(error))
      // An error that the upstream answers with is an answer too.
      if (!(error instanceof GrpcFailure) || error.origin !== 'upstream' || error.status === 'UNAUTHENTICATED')
        throw error
    }
  }

  /**
   * Told how leases ended. A stream that breaks midway was already counted as a success, so the breaker alone would never
   * open; these are counted separately.
   */
  noticeEnd({ reason, error, isKept }: LeaseEnd): void {
    if (!isKept) return
    if (reason === 'done') this.#broken = 0
    // The client chose the deadline: that it has passed says nothing of the upstream.
    if (reason !== 'failed' || !isFault(error) || error.status === 'DEADLINE_EXCEEDED') return
    if (++this.#broken >= MAX_BROKEN && this.state === 'closed') this.#breaker.trip()
  }

  /** One deadline says nothing of the address, since clients choose it; many in a row without an answer call for a probe. */
  #notice(error: unknown): void {
    if (isAnswer(error)) this.#unanswered = 0
    else if (error instanceof GatewayError && error.code === 'DEADLINE') this.#unanswered++
    else return
    if (this.#unanswered >= MAX_UNANSWERED && !this.#examining && this.pool.hasRoom && this.state === 'closed')
      void this.#examine()
  }

  /** Probes the address and opens the breaker if it does not answer. */
  async #examine(): Promise<void> {
    this.#examining = true
    try {
      await this.probe().catch(async () => {
        // The connections may be dead while the address works: probe once more on a new one.
        await this.pool.dropIdle()
        await this.probe()
      })
      this.#unanswered = 0
    } catch {
      if (this.state === 'closed') this.#breaker.trip()
    } finally {
      this.#examining = false
    }
  }
}
