import type { BreakerMode, EndpointStatus } from '../../../query/source.ts'
import type { BreakerState } from './circuit-breaker.ts'

/** An address with one of its pools. */
interface PooledAddress {
  readonly name: string
  readonly state: BreakerState
  readonly mode: BreakerMode
  readonly pool: {
    readonly stats: { readonly size: number; readonly inUse: number; readonly waiting: number }
    readonly max: number
  }
}

/** The state of each address, in the order of the configuration: an address has one pool for each schema that sessions chose. */
export function endpointStatus(pools: Iterable<PooledAddress>): readonly EndpointStatus[] {
  const byAddress = new Map<string, EndpointStatus>()
  for (const { name, state, mode, pool } of pools) {
    const { size, inUse, waiting } = pool.stats
    const others = byAddress.get(name)
    byAddress.set(name, {
      address: name,
      breaker: state,
      breakerMode: mode,
      connections: size + (others?.connections ?? 0),
      busyConnections: inUse + (others?.busyConnections ?? 0),
      waiting: waiting + (others?.waiting ?? 0),
      maxConnections: pool.max + (others?.maxConnections ?? 0),
    })
  }
  return [...byAddress.values()]
}
