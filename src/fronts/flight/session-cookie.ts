import { createHash, randomUUID } from 'node:crypto'
import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import type { ClientConnection, Context, SessionOptions } from '../../query/types.ts'
import type { Store } from '../../state/store.ts'

const COOKIE = 'flightgate_session'
const TOKEN_PREFIX = 'Bearer fgt_'
const cookiePattern = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{1,64})(?:;|$)`)

/** What the sessions may take. */
export interface SessionLimits {
  readonly sessionIdleMs: number
  readonly maxSessionsPerPrincipal: number
}

/** The options of a session by their names in Flight SQL. */
export interface StoredSession extends SessionOptions {
  readonly source?: string
  /** The source that has the session's catalog. */
  readonly catalogSource?: string
}

interface Unclaimed {
  readonly id: string
  readonly principal: string
  readonly userAgent: string | undefined
}

/**
 * Options that last from call to call. A session belongs to the cookie it was offered, or to the bearer token of the
 * login, since not every client keeps cookies; any replica finds it in the state store. That of a client with neither
 * belongs to its connection. It ends when it is closed or has been idle for too long.
 * Source: https://arrow.apache.org/docs/format/Flight.html (session options).
 */
export class Sessions {
  readonly #store: Store
  readonly #limits: SessionLimits
  /** The newest session of each connection whose cookie was offered there and has not come back, and the way back to it. */
  readonly #unclaimed = new Map<ClientConnection, Unclaimed>()
  readonly #offeredOn = new Map<string, ClientConnection>()
  #counted: Promise<void> = Promise.resolve()

  constructor(store: Store, limits: SessionLimits) {
    this.#store = store
    this.#limits = limits
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

  /** The options in force for a call; none when it has no session. */
  async read(call: GrpcCall, ctx: Context): Promise<StoredSession> {
    const id = this.idOf(call)
    if (id === undefined) return {}
    const key = keyOf(ctx, id)
    const value = await this.#store.get(key)
    if (!value) return {}
    await this.#store.touch(key, this.#limits.sessionIdleMs)
    return JSON.parse(Buffer.from(value).toString()) as StoredSession
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
    if (isNew) {
      call.sendHeaders({ 'set-cookie': `${COOKIE}=${id}; HttpOnly` })
    }
    // One after another: two that read the same list would each miss the other's session in it.
    const counted = this.#counted.then(() => this.#countIn(ctx, id))
    this.#counted = counted.catch(() => {})
    await counted
    await this.#store.set(keyOf(ctx, id), Buffer.from(JSON.stringify(session)), this.#limits.sessionIdleMs)
    if (isNew) this.#keepForConnection(call, ctx, id)
  }

  /** Not every client keeps cookies: until this one comes back, the session is the connection's, and ends with it. */
  #keepForConnection(call: GrpcCall, ctx: Context, id: string): void {
    const { connection } = call
    if (isOfProxy(call)) return
    const before = this.#unclaimed.get(connection)
    if (before) this.#offeredOn.delete(before.id)
    this.#unclaimed.set(connection, { id, principal: ctx.principal.name, userAgent: call.header('user-agent') })
    this.#offeredOn.set(id, connection)
    connection.onceClosed(() => {
      if (this.#claim(id)) this.#store.delete(keyOf(ctx, id)).catch((err: unknown) => ctx.log.warn({ err }, 'sessions'))
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

  /** Ends the call's session; false when it has none. */
  async close(call: GrpcCall, ctx: Context): Promise<boolean> {
    const id = this.idOf(call)
    if (id === undefined || !(await this.#store.get(keyOf(ctx, id)))) return false
    await this.#store.delete(keyOf(ctx, id))
    return true
  }

  /** Keeps a list of each principal's sessions, those that have ended left out, and refuses one too many. */
  async #countIn(ctx: Context, id: string): Promise<void> {
    const listKey = `sessions:${ctx.principal.name}`
    const stored = await this.#store.get(listKey)
    const known = stored ? (JSON.parse(Buffer.from(stored).toString()) as string[]) : []
    if (known.includes(id)) return
    const alive: string[] = []
    for (const each of known) if (await this.#store.get(keyOf(ctx, each))) alive.push(each)
    const { maxSessionsPerPrincipal, sessionIdleMs } = this.#limits
    if (alive.length >= maxSessionsPerPrincipal)
      throw new GatewayError(
        'TOO_MANY_SESSIONS',
        `${ctx.principal.name} has ${alive.length} sessions already (limits.maxSessionsPerPrincipal): close some.`,
      )
    await this.#store.set(listKey, Buffer.from(JSON.stringify([...alive, id])), 2 * sessionIdleMs)
  }
}

/** Whether the connection carries the calls of many clients, as far as the call tells. */
function isOfProxy({ headers }: GrpcCall): boolean {
  return ['x-forwarded-for', 'forwarded', 'via'].some((name) => headers[name] !== undefined)
}

function keyOf({ principal }: Context, id: string): string {
  return `session:${principal.name}:${id}`
}
