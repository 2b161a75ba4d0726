import type { ClientConnection } from '../types.ts'

/** Marks a resource that several connections use: if one closes, the client may still be there. */
const SEVERAL = Symbol('several')

/**
 * Tracks client resources that only one connection uses, and reports when that connection closes. A connection that closes
 * because the gateway asked the client to reconnect does not count.
 */
export class SoleConnections<T extends object> {
  readonly #onLost: (resource: T) => void
  readonly #users = new Map<T, ClientConnection | typeof SEVERAL>()
  readonly #resources = new Map<ClientConnection, Set<T>>()

  /** @param onLost called for each resource whose only connection has closed */
  constructor(onLost: (resource: T) => void) {
    this.#onLost = onLost
  }

  /** Records that a call on this connection uses the resource. */
  use(resource: T, connection: ClientConnection): void {
    const user = this.#users.get(resource)
    if (user === connection || user === SEVERAL) return
    if (user !== undefined) {
      this.#users.set(resource, SEVERAL)
      this.#resources.get(user)?.delete(resource)
      return
    }
    this.#users.set(resource, connection)
    const resources = this.#resources.get(connection)
    if (resources) {
      resources.add(resource)
      return
    }
    this.#resources.set(connection, new Set([resource]))
    // One listener per connection, however many resources it uses.
    connection.onceClosed(() => this.#onClosed(connection))
  }

  /** Stops tracking a resource that has ended. */
  forget(resource: T): void {
    const user = this.#users.get(resource)
    this.#users.delete(resource)
    if (user !== undefined && user !== SEVERAL) this.#resources.get(user)?.delete(resource)
  }

  #onClosed(connection: ClientConnection): void {
    const resources = this.#resources.get(connection) ?? []
    this.#resources.delete(connection)
    for (const resource of resources)
      if (connection.isLeaving) this.#users.delete(resource)
      else this.#onLost(resource)
  }
}
