import type { ServerHttp2Session } from 'node:http2'

/** Limits of a client's connection, all in milliseconds. */
export interface ConnectionLimits {
  readonly keepaliveTimeMs: number
  readonly keepaliveTimeoutMs: number
  readonly connectionIdleMs: number
  /** Varied by 10 % so that connections made together do not end together. */
  readonly connectionAgeMs: number
  readonly connectionAgeGraceMs: number
}

interface Connection {
  readonly session: ServerHttp2Session
  readonly closeAt: number
  streams: number
  idleSince: number
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
  readonly #all = new Map<ServerHttp2Session, Connection>()
  readonly #sweeper: NodeJS.Timeout

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
    const everyMs = Math.max(20, Math.min(1000, limits.keepaliveTimeoutMs / 4, limits.connectionIdleMs / 4))
    this.#sweeper = setInterval(() => this.#sweep(Date.now()), everyMs)
    this.#sweeper.unref()
  }

  get size(): number {
    return this.#all.size
  }

  add(session: ServerHttp2Session): void {
    const now = Date.now()
    const ageMs = this.#limits.connectionAgeMs * (0.9 + Math.random() * 0.2)
    this.#all.set(session, {
      session,
      closeAt: now + ageMs,
      streams: 0,
      idleSince: now,
      pingAt: now + this.#limits.keepaliveTimeMs,
      pongBy: 0,
      destroyAt: 0,
    })
    session.once('close', () => this.#all.delete(session))
    session.on('error', () => session.destroy())
  }

  streamOpened(session: ServerHttp2Session): void {
    const connection = this.#all.get(session)
    if (connection) connection.streams++
  }

  streamClosed(session: ServerHttp2Session): void {
    const connection = this.#all.get(session)
    if (!connection) return
    connection.streams--
    connection.idleSince = Date.now()
  }

  /** Sends GOAWAY to all; each ends when its last call has. */
  close(): void {
    for (const { session } of this.#all.values()) if (!session.closed) session.close()
  }

  /** Ends all at once. */
  destroy(): void {
    clearInterval(this.#sweeper)
    for (const { session } of this.#all.values()) session.destroy()
  }

  #sweep(now: number): void {
    for (const connection of this.#all.values()) {
      const { session } = connection
      if (session.destroyed) continue
      if (connection.destroyAt > 0) {
        if (now >= connection.destroyAt) session.destroy()
      } else if (
        now >= connection.closeAt ||
        (connection.streams === 0 && now - connection.idleSince >= this.#limits.connectionIdleMs)
      ) {
        connection.destroyAt = now + this.#limits.connectionAgeGraceMs
        session.close()
      }
      if (connection.pongBy > 0) {
        if (now >= connection.pongBy) session.destroy()
      } else if (now >= connection.pingAt) this.#ping(connection, now)
    }
  }

  #ping(connection: Connection, now: number): void {
    connection.pongBy = now + this.#limits.keepaliveTimeoutMs
    const sent = connection.session.ping((error) => {
      connection.pongBy = 0
      connection.pingAt = Date.now() + this.#limits.keepaliveTimeMs
      if (error) connection.session.destroy()
    })
    if (!sent) connection.session.destroy()
  }
}
