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

/** Locations whose connections a source keeps; the least recently used location is evicted first. */
const MAX_LOCATIONS = 32

/** An address that an upstream named in a result. */
export interface Location {
  readonly upstream: Endpoint
  readonly breaker: Breaker
}

/** The label of all locations in metrics, since there may be any number of them. */
const LOCATION_LABEL = 'location'

/** Opens the pool of an address that a server named. */
export function openLocation(
  address: UpstreamAddress,
  config: FlightSqlConfig,
  profile: Profile,
  breaker: Breaker,
  observer: EndpointObserver,
): Location {
  const unnamed: EndpointObserver = {
    ...observer,
    onAcquire: (_, acquireMs, reused) => observer.onAcquire(LOCATION_LABEL, acquireMs, reused),
    onCreate: () => observer.onCreate(LOCATION_LABEL),
    onDestroy: (_, reason) => observer.onDestroy(LOCATION_LABEL, reason),
  }
  // A node may serve nothing but tickets: a login that it accepts is proof enough.
  const check = () => Promise.resolve()
  const own = { ...config, pool: { ...config.pool, min: 0 } }
  return { breaker, upstream: new Endpoint(address, own, profile, breaker, unnamed, check) }
}

/**
 * The connections to addresses that an upstream named for parts of its results, each a pool with the source's login, TLS
 * settings and limits, and a circuit breaker of its own.
 */
export class LocationPools {
  readonly #open: (address: UpstreamAddress, schema: string | undefined) => Location
  readonly #log: Logger
  readonly #all = new LRUCache<string, Location>({
    max: MAX_LOCATIONS,
    dispose: ({ upstream, breaker }) => {
      breaker.close()
      // Results that are being read go on; each connection ends when it is given back.
      void upstream.pool.retire()
    },
  })

  /** @param open makes the pool of an address for sessions with this schema */
  constructor(open: (address: UpstreamAddress, schema: string | undefined) => Location, log: Logger) {
    this.#open = open
    this.#log = log
  }

  /**
   * Does work on a connection to the first address that can be reached.
   * @param schema the one that the client's session has chosen
   * @returns what the work returned; undefined when none of the addresses can be reached
   * @throws what the work throws once the address has taken the call, or the signal's reason
   */
  async lend<T>(
    addresses: readonly UpstreamAddress[],
    schema: string | undefined,
    signal: AbortSignal,
    work: (lease: Lease) => Promise<T>,
  ): Promise<{ readonly value: T } | undefined> {
    for (const address of addresses) {
      try {
        return { value: await this.#at(address, schema).lend(signal, work) }
      } catch (error) {
        if (signal.aborted || !wasNotReached(error)) throw error
        const cause = (error as Error).message
        this.#log.warn({ event: 'location', address: formatAddress(address), cause }, 'a location cannot be reached')
      }
    }
    return undefined
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const all = [...this.#all.values()]
    for (const { breaker } of all) breaker.close()
    await Promise.all(all.map(({ upstream }) => upstream.pool.close()))
  }

  #at(address: UpstreamAddress, schema: string | undefined): Endpoint {
    const key = `${formatAddress(address)}\0${schema ?? ''}`
    let location = this.#all.get(key)
    if (!location) {
      location = this.#open(address, schema)
      this.#all.set(key, location)
    }
    return location.upstream
  }
}

/** Whether a call certainly did not begin at the address, so that the same rows may be asked for elsewhere. */
function wasNotReached(error: unknown): boolean {
  if (error instanceof GatewayError) return isBreakerOpen(error)
  return error instanceof GrpcFailure && error.origin === 'local' && error.notProcessed
}
