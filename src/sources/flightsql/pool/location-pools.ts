import { LRUCache } from 'lru-cache'
import { formatAddress, type UpstreamAddress } from '../../../grpc/client/address.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Logger } from '../../../query/types.ts'
import type { Profile } from '../protocol/profiles/profile.ts'
import type { FlightSqlConfig } from '../settings.ts'
import { type Breaker, isBreakerOpen } from './circuit-breaker.ts'
import { Endpoint, type EndpointObserver } from './endpoint.ts'
import type { Lease } from './lease.ts'

/** Most locations with a pool per source; the least recently used location is evicted first. */
const MAX_LOCATIONS = 32

/** An address that an upstream named in a result. */
export interface Location {
  readonly endpoint: Endpoint
  readonly breaker: Breaker
}

/** The metric label shared by all locations, whose number is unbounded. */
const LOCATION_LABEL = 'location'

/** Opens the pool of an address that an upstream named. */
export function openLocation(
  address: UpstreamAddress,
  config: FlightSqlConfig,
  profile: Profile,
  breaker: Breaker,
  observer: EndpointObserver,
): Location {
  const labelled: EndpointObserver = {
    ...observer,
    onAcquire: (_, acquireMs, reused) => observer.onAcquire(LOCATION_LABEL, acquireMs, reused),
    onCreate: () => observer.onCreate(LOCATION_LABEL),
    onDestroy: (_, reason) => observer.onDestroy(LOCATION_LABEL, reason),
  }
  // A node may serve only tickets: a successful login is enough proof.
  const check = () => Promise.resolve()
  const withoutMinimum = { ...config, pool: { ...config.pool, min: 0 } }
  return { breaker, endpoint: new Endpoint(address, withoutMinimum, profile, breaker, labelled, check) }
}

/**
 * Pools for the addresses that an upstream named for parts of its results. Each pool has the source's login, TLS settings and
 * limits, and its own circuit breaker.
 */
export class LocationPools {
  readonly #open: (address: UpstreamAddress, schema: string | undefined) => Location
  readonly #log: Logger
  readonly #all = new LRUCache<string, Location>({
    max: MAX_LOCATIONS,
    dispose: ({ endpoint, breaker }) => {
      breaker.close()
      // Results that are being read continue; each connection closes when its lease ends.
      void endpoint.pool.retire()
    },
  })

  /** @param open creates the pool of an address for sessions with the given schema */
  constructor(open: (address: UpstreamAddress, schema: string | undefined) => Location, log: Logger) {
    this.#open = open
    this.#log = log
  }

  /**
   * Does work on a leased connection to the first address that can be reached.
   * @param schema chosen by the client's session
   * @returns what the work returned; undefined when none of the addresses can be reached
   * @throws what the work throws once the address may have received the call, or the signal's reason
   */
  async withLease<T>(
    addresses: readonly UpstreamAddress[],
    schema: string | undefined,
    signal: AbortSignal,
    work: (lease: Lease) => Promise<T>,
  ): Promise<{ readonly value: T } | undefined> {
    for (const address of addresses) {
      try {
        return { value: await this.#at(address, schema).withLease(signal, work) }
      } catch (error) {
        if (signal.aborted || !wasNotReached(error)) throw error
        const cause = (error as Error).message
        this.#log.warn({ event: 'location', address: formatAddress(address), cause }, 'a location cannot be reached')
      }
    }
    return undefined
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    const all = [...this.#all.values()]
    for (const { breaker } of all) breaker.close()
    await Promise.all(all.map(({ endpoint }) => endpoint.pool.close()))
  }

  #at(address: UpstreamAddress, schema: string | undefined): Endpoint {
    const key = `${formatAddress(address)}\0${schema ?? ''}`
    let location = this.#all.get(key)
    if (!location) {
      location = this.#open(address, schema)
      this.#all.set(key, location)
    }
    return location.endpoint
  }
}

/** Whether the address certainly has not processed the call, so that another may be asked for the same rows. */
function wasNotReached(error: unknown): boolean {
  if (error instanceof GatewayError) return isBreakerOpen(error)
  return error instanceof GrpcFailure && error.origin === 'local' && error.notProcessed
}
