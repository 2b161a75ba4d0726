import type { Socket } from 'node:net'
import { type Http2ServerConnection, networkOf } from '../../../http2/index.ts'
import { type ClientAddress, ClientAddresses } from './client-addresses.ts'

/** Limits of the table. */
export interface TableLimits {
  readonly maxConnections: number
  /** Limit per IPv4 address or IPv6 /64 network; by default `maxConnections`. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Age at which a connection without an authenticated call may be evicted, in milliseconds. */
  readonly authenticateWithinMs: number
}

/** A client's socket, from its connect on. */
export interface TableEntry {
  readonly key: string
  readonly socket: Socket
  readonly address: ClientAddress<TableEntry>
  readonly since: number
  connection: Http2ServerConnection | undefined
  /** Number of open streams. */
  streams: number
  /** Unix time in milliseconds since which there are none. */
  idleSince: number
}

/** Number of the oldest unauthenticated connections that are compared. */
const MAX_COMPARED = 64

/**
 * All sockets of the Flight port. When the table is full, it evicts a connection for a new one, in this order:
 * 1. a connection that did not authenticate a call in time, first of the address with the most connections;
 * 2. an unauthenticated connection of the largest address, if that has more connections than the new one's address;
 * 3. the longest idle connection of the largest address, if that holds more than half of the table.
 * If there is none, it rejects the new connection. An address that holds more than half of the table, or is at its own limit,
 * evicts only its own connections, by rule 1.
 */
export class ConnectionTable {
  readonly #limits: TableLimits
  readonly #entries = new Map<string, TableEntry>()
  readonly #unauthenticated = new Set<TableEntry>()
  readonly #addresses = new ClientAddresses<TableEntry>()

  constructor(limits: TableLimits) {
    this.#limits = limits
  }

  /** Admits a socket that just connected, before TLS, and evicts another if needed. @returns whether it was admitted */
  admit(socket: Socket): boolean {
    const name = networkOf(socket.remoteAddress)
    const address = this.#addresses.of(name)
    if (!this.#evictIfFull(address)) {
      this.#addresses.forgetIfDone(name)
      return false
    }
    const now = Date.now()
    const key = `${socket.remoteAddress}:${socket.remotePort}`
    const entry: TableEntry = { key, socket, address, since: now, connection: undefined, streams: 0, idleSince: now }
    this.#entries.set(key, entry)
    this.#unauthenticated.add(entry)
    address.connections.add(entry)
    address.unauthenticated.add(entry)
    socket.once('close', () => {
      this.#remove(entry)
      this.#addresses.forgetIfDone(name)
    })
    return true
  }

  /** Entry of an admitted client; undefined after it has left. @param key the client's address and port */
  entryOf(key: string): TableEntry | undefined {
    return this.#entries.get(key)
  }

  /** A call on the connection was authenticated: it is no longer evicted as unauthenticated. */
  authenticated(entry: TableEntry): void {
    if (!entry.address.unauthenticated.delete(entry)) return
    this.#unauthenticated.delete(entry)
  }

  /** Destroys sockets without an HTTP/2 connection, such as those with an unfinished TLS handshake. */
  destroyWithoutHttp2(): void {
    for (const { connection, socket } of [...this.#entries.values()]) if (!connection) socket.destroy()
  }

  /** Removes addresses that are no longer needed. */
  sweep(): void {
    this.#addresses.sweep()
  }

  #evictIfFull(address: ClientAddress<TableEntry>): boolean {
    const { maxConnections, maxConnectionsPerAddress = maxConnections } = this.#limits
    const mayHaveMore = address.connections.size < maxConnectionsPerAddress
    if (mayHaveMore && this.#entries.size < maxConnections) return true
    const now = Date.now()
    const mayTakeOthers = mayHaveMore && address.connections.size <= maxConnections / 2
    const victim = mayTakeOthers
      ? (this.#overdue(address, now) ?? this.#ofLargest(address))
      : this.#overdueOf(address.unauthenticated, now)
    if (!victim) return false
    this.#remove(victim)
    victim.connection?.destroy()
    victim.socket.destroy()
    return true
  }

  #overdueOf(unauthenticated: ReadonlySet<TableEntry>, now: number): TableEntry | undefined {
    const [oldest] = unauthenticated
    return oldest && now - oldest.since >= this.#limits.authenticateWithinMs ? oldest : undefined
  }

  #overdue(newcomer: ClientAddress<TableEntry>, now: number): TableEntry | undefined {
    let found = this.#overdueOf(newcomer.unauthenticated, now)
    let compared = 0
    for (const entry of this.#unauthenticated) {
      if (compared++ === MAX_COMPARED || now - entry.since < this.#limits.authenticateWithinMs) break
      if (!found || entry.address.connections.size > found.address.connections.size) found = entry
    }
    return found
  }

  #ofLargest(newcomer: ClientAddress<TableEntry>): TableEntry | undefined {
    const largest = this.#addresses.largest
    if (!largest || largest.connections.size <= newcomer.connections.size + 1) return undefined
    const [unauthenticated] = largest.unauthenticated
    if (unauthenticated || largest.connections.size <= this.#limits.maxConnections / 2) return unauthenticated
    let idle: TableEntry | undefined
    for (const entry of largest.connections)
      if (entry.streams === 0 && (!idle || entry.idleSince < idle.idleSince)) idle = entry
    return idle
  }

  /** Frees the entry's place; the socket may take a moment to close. */
  #remove(entry: TableEntry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    this.#unauthenticated.delete(entry)
    entry.address.connections.delete(entry)
    entry.address.unauthenticated.delete(entry)
  }
}
