import type { Socket } from 'node:net'
import { type Http2ServerConnection, networkOf } from '../../../http2/index.ts'
import { type ClientAddress, ClientAddresses } from './client-addresses.ts'

/** Limits of the table. */
export interface TableLimits {
  readonly maxConnections: number
  /** Of an IPv4 address or a /64 network of IPv6; by default as many as there can be. */
  readonly maxConnectionsPerAddress?: number | undefined
  /** Age at which a connection that has not authenticated a call gives way to others, in milliseconds. */
  readonly authenticateWithinMs: number
}

/** One client's socket, from its first moment. */
export interface TableEntry {
  readonly key: string
  readonly socket: Socket
  readonly address: ClientAddress<TableEntry>
  readonly since: number
  connection: Http2ServerConnection | undefined
  /** Calls that are open on it. */
  streams: number
  /** Since when there are none. */
  idleSince: number
}

/** Of the oldest connections without an authenticated call, how many are compared. */
const MAX_COMPARED = 64

/**
 * All sockets of the Flight port. When the table is full, who gives way to a newcomer is decided in this order: connections that
 * have not authenticated a call in time, most of all those of the address that holds the most; then of an address that holds
 * more than the newcomer's those that have not yet authenticated a call; then of an address that holds more than half of the table
 * the one that has been idle for longest. Where there is none the newcomer is refused. An address that holds more than half takes
 * places from itself only.
 */
export class ConnectionTable {
  readonly #limits: TableLimits
  readonly #entries = new Map<string, TableEntry>()
  readonly #strangers = new Set<TableEntry>()
  readonly #addresses = new ClientAddresses<TableEntry>()

  constructor(limits: TableLimits) {
    this.#limits = limits
  }

  /** Takes a socket that has just connected, before TLS; closes another where it must. @returns whether there is room for it */
  admit(socket: Socket): boolean {
    const name = networkOf(socket.remoteAddress)
    const address = this.#addresses.of(name)
    if (!this.#makeRoom(address)) {
      this.#addresses.forgetIfDone(name)
      return false
    }
    const now = Date.now()
    const key = `${socket.remoteAddress}:${socket.remotePort}`
    const entry: TableEntry = { key, socket, address, since: now, connection: undefined, streams: 0, idleSince: now }
    this.#entries.set(key, entry)
    this.#strangers.add(entry)
    address.connections.add(entry)
    address.strangers.add(entry)
    socket.once('close', () => {
      this.#leave(entry)
      this.#addresses.forgetIfDone(name)
    })
    return true
  }

  /** The entry of a client that was admitted; undefined when it has left. @param key its address and port */
  entryOf(key: string): TableEntry | undefined {
    return this.#entries.get(key)
  }

  /** A call on it has shown that its client may be here. */
  authenticated(entry: TableEntry): void {
    if (!entry.address.strangers.delete(entry)) return
    this.#strangers.delete(entry)
  }

  /** Ends the sockets on which no HTTP/2 connection has begun, such as those whose TLS handshake does not end. */
  destroyUnbegun(): void {
    for (const { connection, socket } of [...this.#entries.values()]) if (!connection) socket.destroy()
  }

  /** Forgets addresses that are gone. */
  sweep(): void {
    this.#addresses.sweep()
  }

  #makeRoom(address: ClientAddress<TableEntry>): boolean {
    const { maxConnections, maxConnectionsPerAddress = maxConnections } = this.#limits
    const mayHaveMore = address.connections.size < maxConnectionsPerAddress
    if (mayHaveMore && this.#entries.size < maxConnections) return true
    const now = Date.now()
    const mayTakeOthers = mayHaveMore && address.connections.size <= maxConnections / 2
    const victim = mayTakeOthers
      ? (this.#overdue(address, now) ?? this.#ofLargest(address))
      : this.#overdueOf(address.strangers, now)
    if (!victim) return false
    this.#leave(victim)
    victim.connection?.destroy()
    victim.socket.destroy()
    return true
  }

  #overdueOf(strangers: ReadonlySet<TableEntry>, now: number): TableEntry | undefined {
    const [oldest] = strangers
    return oldest && now - oldest.since >= this.#limits.authenticateWithinMs ? oldest : undefined
  }

  #overdue(newcomer: ClientAddress<TableEntry>, now: number): TableEntry | undefined {
    let found = this.#overdueOf(newcomer.strangers, now)
    let compared = 0
    for (const entry of this.#strangers) {
      if (compared++ === MAX_COMPARED || now - entry.since < this.#limits.authenticateWithinMs) break
      if (!found || entry.address.connections.size > found.address.connections.size) found = entry
    }
    return found
  }

  #ofLargest(newcomer: ClientAddress<TableEntry>): TableEntry | undefined {
    const largest = this.#addresses.largest
    if (!largest || largest.connections.size <= newcomer.connections.size + 1) return undefined
    const [stranger] = largest.strangers
    if (stranger || largest.connections.size <= this.#limits.maxConnections / 2) return stranger
    let idle: TableEntry | undefined
    for (const entry of largest.connections)
      if (entry.streams === 0 && (!idle || entry.idleSince < idle.idleSince)) idle = entry
    return idle
  }

  /** Its place is free; the socket may take a moment to close. */
  #leave(entry: TableEntry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key)
    this.#strangers.delete(entry)
    entry.address.connections.delete(entry)
    entry.address.strangers.delete(entry)
  }
}
