import type { Socket } from 'node:net'
import type { FloodLimits, Http2ServerConnection } from '../../../http2/index.ts'
import { ConnectionTable, type TableEntry, type TableLimits } from './connection-table.ts'

/** Limits of client connections; times in milliseconds. */
export interface ConnectionLimits extends TableLimits {
  /** Time for the TLS handshake, and then again for the client's HTTP/2 preface and SETTINGS. */
  readonly handshakeTimeoutMs: number
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
  readonly connectionIdleMs: number
  /** Maximum age, with 10 % jitter so that connections opened together do not end together. */
  readonly connectionAgeMs: number
  readonly connectionAgeGraceMs: number
}

interface Watched {
  readonly connection: Http2ServerConnection
  readonly entry: TableEntry
  readonly readyBy: number
  readonly closeAt: number
  pingAt: number
  /** Time by which the client must answer a PING; 0 if none is pending. */
  pongBy: number
  destroyAt: number
}

/**
 * Supervises the connections of a server with one timer: sends keepalive PINGs, drains idle and old connections (GOAWAY, then a
 * grace period for running calls), and destroys those that do not answer.
 * Source of the semantics: https://github.com/grpc/proposal/blob/master/A9-server-side-conn-mgt.md.
 */
export class Connections {
  readonly #limits: ConnectionLimits
  readonly #table: ConnectionTable
  readonly #all = new Map<Http2ServerConnection, Watched>()
  readonly #sweeper: NodeJS.Timeout

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
    this.#table = new ConnectionTable(limits)
    const everyMs = Math.max(20, Math.min(1000, limits.keepaliveTimeoutMs / 4, limits.connectionIdleMs / 4))
    this.#sweeper = setInterval(() => this.#sweep(Date.now()), everyMs)
    this.#sweeper.unref()
  }

  get size(): number {
    return this.#all.size
  }

  /** Admits a socket that just connected, before TLS. @returns whether it was admitted */
  admit(socket: Socket): boolean {
    return this.#table.admit(socket)
  }

  /** Flood limits that the connections of a client's address share; undefined after the client has left. */
  floodsOf({ remoteAddress, remotePort }: Socket): FloodLimits | undefined {
    return this.#table.entryOf(`${remoteAddress}:${remotePort}`)?.address.floods
  }

  /** Starts to supervise a connection of an admitted socket. */
  add(connection: Http2ServerConnection): void {
    const entry = this.#table.entryOf(connection.peer)
    if (!entry) {
      connection.destroy()
      return
    }
    entry.connection = connection
    const now = Date.now()
    const ageMs = this.#limits.connectionAgeMs * (0.9 + Math.random() * 0.2)
    this.#all.set(connection, {
      connection,
      entry,
      readyBy: now + this.#limits.handshakeTimeoutMs,
      closeAt: now + ageMs,
      pingAt: now + this.#limits.keepaliveTimeMs,
      pongBy: 0,
      destroyAt: 0,
    })
  }

  remove(connection: Http2ServerConnection): void {
    this.#all.delete(connection)
  }

  /** A call on the connection was authenticated: it is no longer evicted as unauthenticated. */
  authenticated(connection: Http2ServerConnection): void {
    const watched = this.#all.get(connection)
    if (watched) this.#table.authenticated(watched.entry)
  }

  streamOpened(connection: Http2ServerConnection): void {
    const watched = this.#all.get(connection)
    if (watched) watched.entry.streams++
  }

  streamClosed(connection: Http2ServerConnection): void {
    const watched = this.#all.get(connection)
    if (!watched) return
    watched.entry.streams--
    watched.entry.idleSince = Date.now()
  }

  /** Drains all connections: sends GOAWAY, and each ends after its last call. Destroys sockets without HTTP/2 at once. */
  close(): void {
    this.#table.destroyWithoutHttp2()
    for (const connection of this.#all.keys()) connection.close()
  }

  /** Destroys all connections at once. */
  destroy(): void {
    clearInterval(this.#sweeper)
    for (const connection of [...this.#all.keys()]) connection.destroy()
  }

  #sweep(now: number): void {
    this.#table.sweep()
    for (const watched of this.#all.values()) {
      const { connection, entry } = watched
      if (!connection.isReady && now >= watched.readyBy) connection.destroy()
      else if (watched.destroyAt > 0) {
        if (now >= watched.destroyAt) connection.destroy()
      } else if (
        now >= watched.closeAt ||
        (entry.streams === 0 && now - entry.idleSince >= this.#limits.connectionIdleMs)
      ) {
        watched.destroyAt = now + this.#limits.connectionAgeGraceMs
        connection.close()
      }
      if (watched.pongBy > 0) {
        if (now >= watched.pongBy) connection.destroy()
      } else if (now >= watched.pingAt) this.#ping(watched, now)
    }
  }

  #ping(watched: Watched, now: number): void {
    watched.pongBy = now + this.#limits.keepaliveTimeoutMs
    watched.connection.ping(() => {
      watched.pongBy = 0
      watched.pingAt = Date.now() + this.#limits.keepaliveTimeMs
    })
  }
}
