import { formatAddress, type UpstreamAddress } from './address.ts'
import type { Breaker, BreakerState } from './breaker.ts'
import type { FlightSqlConfig } from './config.ts'
import type { Connection } from './connection.ts'
import { GrpcFailure } from './grpc-failure.ts'
import { type Lease, releaseReasonOf } from './lease.ts'
import { ConnectionPool, type DestroyReason } from './pool.ts'
import type { Profile } from './profiles/profile.ts'

/** Told about connections and breakers; `address` is as in the configuration. */
export interface UpstreamObserver {
  onAcquire(address: string, acquireMs: number, reused: boolean): void
  onCreate(address: string): void
  onDestroy(address: string, reason: DestroyReason): void
  /** Bytes held for slow clients, more or fewer than before. */
  onCushion(memoryDelta: number, spillDelta: number): void
  onBreaker(address: string, state: BreakerState): void
}

/** One address of an upstream: its connections, and the breaker that keeps calls from one that does not answer. */
export class Upstream {
  readonly address: UpstreamAddress
  readonly name: string
  readonly pool: ConnectionPool
  readonly #breaker: Breaker
  readonly #check: (connection: Connection, signal: AbortSignal) => Promise<void>

  /** @param check a cheap call that proves that a connection works */
  constructor(
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    breaker: Breaker,
    observer: UpstreamObserver,
    check: (connection: Connection, signal: AbortSignal) => Promise<void>,
  ) {
    this.address = address
    this.name = formatAddress(address)
    this.#breaker = breaker
    this.#check = check
    const name = this.name
    this.pool = new ConnectionPool(
      address,
      config,
      profile,
      {
        onAcquire: (ms, reused) => observer.onAcquire(name, ms, reused),
        onCreate: () => observer.onCreate(name),
        onDestroy: (reason) => observer.onDestroy(name, reason),
      },
      // What the check finds counts as a probe.
      (connection, signal) => breaker.guard(() => check(connection, signal)),
    )
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  /**
   * Takes a connection for a piece of work, which may keep the lease; when it fails the lease is released here.
   * @param held a lease to work on in place of a new one
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; GrpcFailure, or the signal's reason
   */
  async lend<T>(signal: AbortSignal, work: (lease: Lease) => Promise<T>, held?: Lease): Promise<T> {
    // The work may take for ever, and nobody else is let through until the outcome is known.
    if (this.#breaker.state === 'half-open') await this.#breaker.guard(() => this.#probe(signal))
    return await this.#breaker.guard(async () => {
      const lease = held ?? (await this.pool.acquire(signal))
      try {
        return await work(lease)
      } catch (error) {
        lease.release(releaseReasonOf(error, signal))
        throw error
      }
    })
  }

  /** The cheap call, on a connection of its own. @throws GrpcFailure, or the signal's reason */
  async #probe(signal: AbortSignal): Promise<void> {
    const lease = await this.pool.acquire(signal)
    try {
      await this.#check(lease.connection, signal)
      lease.release('done')
    } catch (error) {
      lease.release(releaseReasonOf(error, signal))
      // Whatever it says, it answers.
      if (!(error instanceof GrpcFailure) || error.origin !== 'upstream' || error.status === 'UNAUTHENTICATED')
        throw error
    }
  }
}
