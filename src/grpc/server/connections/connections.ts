import type { Socket } from 'node:net'
import type { FloodLimits, Http2ServerConnection } from '../../../http2/index.ts'
import { ConnectionTable, type TableEntry, type TableLimits } from './connection-table.ts'

/** Limits of a client's connection, all in milliseconds. */
export interface ConnectionLimits extends TableLimits {
  /** Within which a client must have shown that it speaks HTTP/2, TLS excluded. */
  readonly handshakeTimeoutMs: number
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
  readonly connectionIdleMs: number
  /** Varied by 10 % so that connections made together do not end together. */
  readonly connectionAgeMs: number
  readonly connectionAgeGraceMs: number
}

interface Watched {
  readonly connection: Http2ServerConnection
  readonly entry: TableEntry
  readonly readyBy: number
  readonly closeAt: number
  pingAt: number
  /** When an unanswered ping ends the connection; 0 when none is out. */
  pongBy: number
  destroyAt: number
}

/**
 * Keeps watch over the connections of a server with one timer for all: pings silent peers, closes idle and old ones
 * (GOAWAY, then a grace time for what runs), and destroys those that do not answer.
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

  /** Takes a socket that has just connected, before TLS. @returns whether there is room for it */
  admit(socket: Socket): boolean {
    return this.#table.admit(socket)
  }

  /** What the address of a client is allowed over all its connections; undefined when the client has left. */
  floodsOf({ remoteAddress, remotePort }: Socket): FloodLimits | undefined {
    return this.#table.entryOf(`${remoteAddress}:${remotePort}`)?.address.floods
  }

  /** Watches over a connection of a socket that was admitted. */
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

  /** A call on the connection has been authenticated: it does not give way to strangers any more. */
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

  /** Sends GOAWAY to all; each ends when its last call has. Those that have not begun end at once. */
  close(): void {
    this.#table.destroyUnbegun()
    for (const connection of this.#all.keys()) connection.close()
  }

  /** Ends all at once. */
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
