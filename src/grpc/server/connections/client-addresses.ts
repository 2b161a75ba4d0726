import { FloodLimits } from '../../../http2/index.ts'

/** An address may be a proxy with many clients, so its flood limits allow for several connections. */
const CONNECTIONS_ALLOWED_FOR = 8

/** A client address and its connections. `unauthenticated` has those without an authenticated call, oldest first. */
export class ClientAddress<C> {
  readonly floods = new FloodLimits(CONNECTIONS_ALLOWED_FOR)
  readonly connections = new Set<C>()
  readonly unauthenticated = new Set<C>()
}

/** Addresses with connections or with used flood limits: a reconnect does not reset the limits. */
export class ClientAddresses<C> {
  readonly #all = new Map<string, ClientAddress<C>>()

  of(name: string): ClientAddress<C> {
    const known = this.#all.get(name)
    if (known) return known
    const address = new ClientAddress<C>()
    this.#all.set(name, address)
    return address
  }

  /** The address with the most connections. */
  get largest(): ClientAddress<C> | undefined {
    let largest: ClientAddress<C> | undefined
    for (const address of this.#all.values())
      if (!largest || address.connections.size > largest.connections.size) largest = address
    return largest
  }

  /** Removes an address without connections whose flood limits are full again. */
  forgetIfDone(name: string): void {
    const address = this.#all.get(name)
    if (address?.connections.size === 0 && address.floods.isFull) this.#all.delete(name)
  }

  /** Calls `forgetIfDone` for all addresses. */
  sweep(): void {
    for (const name of this.#all.keys()) this.forgetIfDone(name)
  }
}
