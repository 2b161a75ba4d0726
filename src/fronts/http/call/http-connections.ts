import type { Socket } from 'node:net'
import { networkOf } from '../../../http2/index.ts'

/** A client address and its connections. */
interface ClientAddress {
  readonly connections: Set<HttpConnection>
  /** Those without a running call, longest idle first. */
  readonly idle: Set<HttpConnection>
}

/** A client's connection, from its connect on. */
export interface HttpConnection {
  /** The TCP socket, below TLS. */
  readonly socket: Socket
  readonly address: ClientAddress
  /** Number of running calls with valid credentials. */
  calls: number
}

/**
 * All connections of the HTTP port. When the table is full, it closes the connection for a new one that has been idle for
 * longest: without a running call with valid credentials, and without the begin of another request since. An address that holds
 * more than half of the table replaces only its own connections. If there is none to close, the new connection is refused.
 */
export class HttpConnections {
  readonly #max: number
  readonly #all = new Map<string, HttpConnection>()
  /** Those without a running call, longest idle first. */
  readonly #idle = new Set<HttpConnection>()
  readonly #addresses = new Map<string, ClientAddress>()

  /** @param maxConnections of all clients together */
  constructor(maxConnections: number) {
    this.#max = maxConnections
  }

  get size(): number {
    return this.#all.size
  }

  /** Admits a socket that just connected, before TLS, or destroys it. */
  admit(socket: Socket): void {
    const name = networkOf(socket.remoteAddress)
    const address = this.#addresses.get(name) ?? { connections: new Set(), idle: new Set() }
    if (!this.#makeRoom(address)) {
      socket.destroy()
      return
    }
    const connection: HttpConnection = { socket, address, calls: 0 }
    const key = keyOf(socket)
    this.#addresses.set(name, address)
    this.#all.set(key, connection)
    address.connections.add(connection)
    this.#setIdle(connection)
    socket.once('close', () => {
      if (this.#all.get(key) === connection) this.#all.delete(key)
      this.#forget(connection)
      if (address.connections.size === 0 && this.#addresses.get(name) === address) this.#addresses.delete(name)
    })
  }

  /** The connection of an admitted socket, or of the TLS socket above it; undefined after it has closed. */
  of(socket: Socket): HttpConnection | undefined {
    return this.#all.get(keyOf(socket))
  }

  /** A request has begun, perhaps without credentials: the connection has just been used. */
  requestBegan(connection: HttpConnection): void {
    if (connection.calls === 0) this.#setIdle(connection)
  }

  /** The credentials of a call are valid: the connection stays until the call has ended. */
  callBegan(connection: HttpConnection): void {
    if (connection.calls++ > 0) return
    this.#idle.delete(connection)
    connection.address.idle.delete(connection)
  }

  callEnded(connection: HttpConnection): void {
    if (--connection.calls === 0) this.#setIdle(connection)
  }

  /** Makes a connection the last one of those that are idle, unless it has left. */
  #setIdle(connection: HttpConnection): void {
    const { connections, idle } = connection.address
    if (!connections.has(connection)) return
    for (const each of [this.#idle, idle]) {
      each.delete(connection)
      each.add(connection)
    }
  }

  #makeRoom(newcomer: ClientAddress): boolean {
    if (this.#all.size < this.#max) return true
    const mayTakeOthers = newcomer.connections.size <= this.#max / 2
    const [victim] = mayTakeOthers ? this.#idle : newcomer.idle
    if (!victim) return false
    // Frees its place at once; the socket may take a moment to close.
    this.#all.delete(keyOf(victim.socket))
    this.#forget(victim)
    victim.socket.destroy()
    return true
  }

  #forget(connection: HttpConnection): void {
    this.#idle.delete(connection)
    connection.address.connections.delete(connection)
    connection.address.idle.delete(connection)
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}
