import { createHash, randomUUID } from 'node:crypto'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { ClientConnection, Context } from '../../query/types.ts'
import type { Sessions, StoredSession } from '../../statements/sessions.ts'
import { isOfProxy } from './is-of-proxy.ts'

const COOKIE = 'flightgate_session'
const TOKEN_PREFIX = 'Bearer fgt_'
const cookiePattern = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{1,64})(?:;|$)`)

interface Unclaimed {
  readonly id: string
  readonly principal: string
  readonly userAgent: string | undefined
}

/**
 * Maps calls to sessions. The gateway identifies a session by its cookie or by the bearer token of the login, because not every
 * client keeps cookies. The session of a client with neither belongs to its connection and ends with it.
 * Source: https://arrow.apache.org/docs/format/Flight.html (session options).
 */
export class CallSessions {
  readonly #sessions: Sessions
  /** By connection, the newest session whose cookie the client has not returned yet. */
  readonly #unclaimed = new Map<ClientConnection, Unclaimed>()
  /** The inverse of `#unclaimed`, by session id. */
  readonly #offeredOn = new Map<string, ClientConnection>()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Returns the session id of a call, even if the session has no options; undefined if nothing identifies the client. */
  idOf(call: GrpcCall): string | undefined {
    const cookie = cookieOf(call)
    if (cookie !== undefined) {
      this.#claim(cookie)
      return cookie
    }
    const authorization = call.header('authorization')
    // Many clients share an API key, but the token of a login belongs to one client.
    if (!authorization?.startsWith(TOKEN_PREFIX)) return this.#unclaimedOf(call)
    return createHash('sha256').update(authorization).digest('base64url')
  }

  /** Reads the options of the call's session; empty if it has no session. */
  async read(call: GrpcCall, { principal }: Context): Promise<StoredSession> {
    const id = this.idOf(call)
    return id === undefined ? {} : await this.#sessions.read(principal, id, id === cookieOf(call))
  }

  /**
   * Replaces the options of the call's session. If there is none, creates a session and sends its cookie.
   * @throws GatewayError TOO_MANY_SESSIONS
   */
  async write(call: GrpcCall, ctx: Context, session: StoredSession): Promise<void> {
    const known = this.idOf(call)
    const isNew = known === undefined || known === this.#unclaimedOf(call)
    // Do not reuse an unclaimed session: behind a proxy, it may belong to another client.
    const id = isNew ? randomUUID() : known
    if (isNew) call.sendHeaders({ 'set-cookie': `${COOKIE}=${id}; HttpOnly` })
    await this.#sessions.write(ctx.principal, id, session, isNew)
    if (isNew) this.#keepForConnection(call, ctx, id)
  }

  /** Ends the call's session. Returns false if it has none. */
  async close(call: GrpcCall, { principal }: Context): Promise<boolean> {
    const id = this.idOf(call)
    return id !== undefined && (await this.#sessions.close(principal, id))
  }

  /** Until the client returns the cookie, binds the session to the connection, because not every client keeps cookies. */
  #keepForConnection(call: GrpcCall, { principal, log }: Context, id: string): void {
    const { connection } = call
    if (isOfProxy(call.headers)) return
    const before = this.#unclaimed.get(connection)
    if (before) this.#offeredOn.delete(before.id)
    this.#unclaimed.set(connection, { id, principal: principal.name, userAgent: call.header('user-agent') })
    this.#offeredOn.set(id, connection)
    connection.onceClosed(() => {
      if (this.#claim(id))
        this.#sessions
          .closeUnreturned(principal, id)
          .catch((err: unknown) => log.warn({ err }, 'closing a session failed'))
    })
  }

  /** Returns the connection's unclaimed session if the call's client, by principal and user agent, has created it. */
  #unclaimedOf(call: GrpcCall): string | undefined {
    const found = this.#unclaimed.get(call.connection)
    const isOwn = found?.principal === call.principal.name && found.userAgent === call.header('user-agent')
    return isOwn && !isOfProxy(call.headers) ? found.id : undefined
  }

  /** Unbinds a session from its connection. Returns false if it was not bound. */
  #claim(id: string): boolean {
    const connection = this.#offeredOn.get(id)
    if (!connection) return false
    this.#unclaimed.delete(connection)
    return this.#offeredOn.delete(id)
  }
}

/** The session id in the call's cookie. */
function cookieOf(call: GrpcCall): string | undefined {
  return cookiePattern.exec(call.header('cookie') ?? '')?.[1]
}
