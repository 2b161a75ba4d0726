import type { ClientConnection } from '../types.ts'

/** Marks a thing that several connections use: the end of one does not mean that its client has gone. */
const SEVERAL = Symbol('several')

/**
 * Tracks things of clients that are used from one connection only, and tells when that connection has ended. A connection
 * that ends because the gateway asked the client to leave does not count: the client comes back on another.
 */
export class SoleConnections<T extends object> {
  readonly #onLost: (thing: T) => void
  readonly #users = new Map<T, ClientConnection | typeof SEVERAL>()
  readonly #things = new Map<ClientConnection, Set<T>>()

  /** @param onLost told of each thing whose only connection has ended */
  constructor(onLost: (thing: T) => void) {
    this.#onLost = onLost
  }

  /** A call on this connection uses the thing. */
  use(thing: T, connection: ClientConnection): void {
    const user = this.#users.get(thing)
    if (user === connection || user === SEVERAL) return
    if (user !== undefined) {
      this.#users.set(thing, SEVERAL)
      this.#things.get(user)?.delete(thing)
      return
    }
    this.#users.set(thing, connection)
    const things = this.#things.get(connection)
    if (things) {
      things.add(thing)
      return
    }
    this.#things.set(connection, new Set([thing]))
    // Once for each connection, however many things are used from it.
    connection.onceClosed(() => this.#onClosed(connection))
  }

  /** The thing is over. */
  forget(thing: T): void {
    const user = this.#users.get(thing)
    this.#users.delete(thing)
    if (user !== undefined && user !== SEVERAL) this.#things.get(user)?.delete(thing)
  }

  #onClosed(connection: ClientConnection): void {
    const things = this.#things.get(connection) ?? []
    this.#things.delete(connection)
    for (const thing of things)
      if (connection.isLeaving) this.#users.delete(thing)
      else this.#onLost(thing)
  }
}
