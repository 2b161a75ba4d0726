import CircuitBreaker from 'opossum'
import { GatewayError } from '../../query/errors.ts'
import type { Logger } from '../../query/types.ts'
import { formatAddress, type UpstreamAddress } from './address.ts'
import type { FlightSqlConfig } from './config.ts'
import type { Connection } from './connection.ts'
import { GrpcFailure } from './grpc-failure.ts'
import { ConnectionPool, type DestroyReason, type Lease, type ReleaseReason } from './pool.ts'
import type { Profile } from './profiles/profile.ts'

/** Told about connections and breakers; `address` is as in the configuration. */
export interface UpstreamObserver {
  onAcquire(address: string, acquireMs: number, reused: boolean): void
  onCreate(address: string): void
  onDestroy(address: string, reason: DestroyReason): void
  /** Bytes held for slow clients, more or fewer than before. */
  onCushion(memoryDelta: number, spillDelta: number): void
  onBreaker(address: string, state: 'open' | 'half-open' | 'closed'): void
}

const BREAKER = {
  timeout: false as const,
  errorThresholdPercentage: 50,
  volumeThreshold: 5,
  rollingCountTimeout: 10_000,
  rollingCountBuckets: 10,
  resetTimeout: 5000,
}

/** One address of an upstream: its connections, and the breaker that keeps calls from one that does not answer. */
export class Upstream {
  readonly address: UpstreamAddress
  readonly name: string
  readonly pool: ConnectionPool
  readonly #breaker: CircuitBreaker<[() => Promise<unknown>], unknown>
  readonly #source: string

  /** @param check a cheap call that proves that a connection works */
  constructor(
    source: string,
    address: UpstreamAddress,
    config: FlightSqlConfig,
    profile: Profile,
    observer: UpstreamObserver,
    log: Logger,
    check: (connection: Connection, signal: AbortSignal) => Promise<void>,
  ) {
    this.#source = source
    this.address = address
    this.name = formatAddress(address)
    const name = this.name
    this.#breaker = new CircuitBreaker((work: () => Promise<unknown>) => work(), {
      ...BREAKER,
      errorFilter: (error: unknown) => !isFault(error),
    })
    const say = (state: 'open' | 'half-open' | 'closed') => () => {
      observer.onBreaker(name, state)
      log.warn({ event: 'breaker', address: name, state }, `the circuit breaker is ${state}`)
    }
    this.#breaker.on('open', say('open'))
    this.#breaker.on('halfOpen', say('half-open'))
    this.#breaker.on('close', say('closed'))
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
      (connection, signal) => this.#guard(() => check(connection, signal)),
    )
  }

  get state(): 'open' | 'half-open' | 'closed' {
    if (this.#breaker.halfOpen) return 'half-open'
    return this.#breaker.opened ? 'open' : 'closed'
  }

  /**
   * Takes a connection for a piece of work, which may keep the lease; when it fails the lease is released here.
   * @throws GatewayError SOURCE_UNAVAILABLE while the breaker is open; GrpcFailure, or the signal's reason
   */
  async lend<T>(signal: AbortSignal, work: (lease: Lease) => Promise<T>): Promise<T> {
    return await this.#guard(async () => {
      const lease = await this.pool.acquire(signal)
      try {
        return await work(lease)
      } catch (error) {
        lease.release(releaseReasonOf(error, signal))
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#breaker.shutdown()
    await this.pool.close()
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return (await this.#breaker.fire(work)) as T
    } catch (error) {
      if ((error as { code?: unknown }).code === 'EOPENBREAKER')
        throw new GatewayError(
          'SOURCE_UNAVAILABLE',
          `The source ${this.#source} has failed too often just now (circuit breaker open): try again later.`,
          { cause: error, retryAfterMs: BREAKER.resetTimeout },
        )
      throw error
    }
  }
}

/** Whether an error shows that the upstream cannot be worked with: not bad SQL, not a refusal of ours, not a cancel. */
function isFault(error: unknown): boolean {
  if (!(error instanceof GrpcFailure)) return false
  if (error.origin === 'upstream') return error.status === 'UNAUTHENTICATED'
  return error.status !== 'CANCELLED' && error.status !== 'RESOURCE_EXHAUSTED'
}

function releaseReasonOf(error: unknown, signal: AbortSignal): ReleaseReason {
  if (signal.aborted) return 'cancelled'
  if (error instanceof GrpcFailure && error.origin === 'upstream')
    return error.status === 'UNAUTHENTICATED' ? 'unusable' : 'done'
  return 'failed'
}
