import { FloodLimits } from '../../../http2/index.ts'

/** A proxy in front makes one address of many clients, with a connection for each or few that all share. */
const CONNECTIONS_ALLOWED_FOR = 8

/** One client's address and its connections, of which those that have not authenticated a call stand in the order they came in. */
export class ClientAddress<C> {
  readonly floods = new FloodLimits(CONNECTIONS_ALLOWED_FOR)
  readonly connections = new Set<C>()
  readonly strangers = new Set<C>()
}

/** Addresses that have connections, and those whose floods are not forgotten yet: new connections do not give new allowances. */
export class ClientAddresses<C> {
  readonly #all = new Map<string, ClientAddress<C>>()

  of(name: string): ClientAddress<C> {
    const known = this.#all.get(name)
    if (known) return known
    const address = new ClientAddress<C>()
    this.#all.set(name, address)
    return address
  }

  /** The one with the most connections. */
  get largest(): ClientAddress<C> | undefined {
    let largest: ClientAddress<C> | undefined
    for (const address of this.#all.values())
      if (!largest || address.connections.size > largest.connections.size) largest = address
    return largest
  }

  /** Forgets an address that has no connections and nothing to answer for. */
  forgetIfDone(name: string): void {
    const address = this.#all.get(name)
    if (address?.connections.size === 0 && address.floods.isFull) this.#all.delete(name)
  }

  /** As `forgetIfDone`, for all. */
  sweep(): void {
    for (const name of this.#all.keys()) this.forgetIfDone(name)
  }
}
