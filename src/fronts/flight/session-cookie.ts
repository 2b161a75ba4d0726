import { createHash, randomUUID } from 'node:crypto'
import type { GrpcCall } from '../../grpc/server/call.ts'
import type { ClientConnection, Context } from '../../query/types.ts'
import type { Sessions, StoredSession } from '../../statements/sessions.ts'

const COOKIE = 'flightgate_session'
const TOKEN_PREFIX = 'Bearer fgt_'
const cookiePattern = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{1,64})(?:;|$)`)

interface Unclaimed {
  readonly id: string
  readonly principal: string
  readonly userAgent: string | undefined
}

/**
 * Tells which session a call belongs to. A session belongs to the cookie it was offered, or to the bearer token of the
 * login, since not every client keeps cookies. That of a client with neither belongs to its connection, and ends with it.
 * Source: https://arrow.apache.org/docs/format/Flight.html (session options).
 */
export class CallSessions {
  readonly #sessions: Sessions
  /** The newest session of each connection whose cookie was offered there and has not come back, and the way back to it. */
  readonly #unclaimed = new Map<ClientConnection, Unclaimed>()
  readonly #offeredOn = new Map<string, ClientConnection>()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Names the session of a call, whether or not it has options; undefined when nothing tells clients apart. */
  idOf(call: GrpcCall): string | undefined {
    const cookie = cookiePattern.exec(call.header('cookie') ?? '')?.[1]
    if (cookie !== undefined) {
      this.#claim(cookie)
      return cookie
    }
    const authorization = call.header('authorization')
    // A key is shared by many clients; the token of a login is one client's own.
    if (!authorization?.startsWith(TOKEN_PREFIX)) return this.#unclaimedOf(call)
    return createHash('sha256').update(authorization).digest('base64url')
  }

  /** The options of the call's session; none when it has no session. */
  async read(call: GrpcCall, { principal }: Context): Promise<StoredSession> {
    const id = this.idOf(call)
    return id === undefined ? {} : await this.#sessions.read(principal, id)
  }

  /**
   * Replaces the options of the call's session; begins one, and offers its cookie, where there is none.
   * @throws GatewayError TOO_MANY_SESSIONS
   */
  async write(call: GrpcCall, ctx: Context, session: StoredSession): Promise<void> {
    const known = this.idOf(call)
    const isNew = known === undefined || known === this.#unclaimedOf(call)
    // One that nobody has claimed may be another client's, behind a proxy.
    const id = isNew ? randomUUID() : known
    if (isNew) call.sendHeaders({ 'set-cookie': `${COOKIE}=${id}; HttpOnly` })
    await this.#sessions.write(ctx.principal, id, session)
    if (isNew) this.#keepForConnection(call, ctx, id)
  }

  /** Ends the call's session; false when it has none. */
  async close(call: GrpcCall, { principal }: Context): Promise<boolean> {
    const id = this.idOf(call)
    return id !== undefined && (await this.#sessions.close(principal, id))
  }

  /** Not every client keeps cookies: until this one comes back, the session is the connection's, and ends with it. */
  #keepForConnection(call: GrpcCall, { principal, log }: Context, id: string): void {
    const { connection } = call
    if (isOfProxy(call)) return
    const before = this.#unclaimed.get(connection)
    if (before) this.#offeredOn.delete(before.id)
    this.#unclaimed.set(connection, { id, principal: principal.name, userAgent: call.header('user-agent') })
    this.#offeredOn.set(id, connection)
    connection.onceClosed(() => {
      if (this.#claim(id)) this.#sessions.close(principal, id).catch((err: unknown) => log.warn({ err }, 'sessions'))
    })
  }

  /** The session that the call's own client has begun on the connection without keeping its cookie. */
  #unclaimedOf(call: GrpcCall): string | undefined {
    const found = this.#unclaimed.get(call.connection)
    const isOwn = found?.principal === call.principal.name && found.userAgent === call.header('user-agent')
    return isOwn && !isOfProxy(call) ? found.id : undefined
  }

  /** The session is its connection's no more; false when it has not been. */
  #claim(id: string): boolean {
    const connection = this.#offeredOn.get(id)
    if (!connection) return false
    this.#unclaimed.delete(connection)
    return this.#offeredOn.delete(id)
  }
}

/** Whether the connection carries the calls of many clients, as far as the call tells. */
function isOfProxy({ headers }: GrpcCall): boolean {
  return ['x-forwarded-for', 'forwarded', 'via'].some((name) => headers[name] !== undefined)
}
