import { createHash, randomUUID } from 'node:crypto'
import { GatewayError } from '../../query/errors.ts'
import type { Context, SessionOptions } from '../../query/types.ts'
import type { Store } from '../../state/store.ts'
import type { GrpcCall } from '../grpc/call.ts'

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

/**
 * Options that last from call to call. A session belongs to the cookie it was offered, or to the bearer token of the
 * login, since not every client keeps cookies; any replica finds it in the state store. It ends when it is closed or has
 * been idle for too long.
 * Source: https://arrow.apache.org/docs/format/Flight.html (session options).
 */
export class Sessions {
  readonly #store: Store
  readonly #limits: SessionLimits
  #counted: Promise<void> = Promise.resolve()

  constructor(store: Store, limits: SessionLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** Names the session of a call, whether or not it has options; undefined when nothing tells clients apart. */
  idOf(call: GrpcCall): string | undefined {
    const cookie = cookiePattern.exec(call.header('cookie') ?? '')?.[1]
    if (cookie !== undefined) return cookie
    const authorization = call.header('authorization')
    // A key is shared by many clients; the token of a login is one client's own.
    if (!authorization?.startsWith(TOKEN_PREFIX)) return undefined
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
    let id = this.idOf(call)
    if (id === undefined) {
      id = randomUUID()
      call.sendHeaders({ 'set-cookie': `${COOKIE}=${id}; HttpOnly` })
    }
    // One after another: two that read the same list would each miss the other's session in it.
    const counted = this.#counted.then(() => this.#countIn(ctx, id))
    this.#counted = counted.catch(() => {})
    await counted
    await this.#store.set(keyOf(ctx, id), Buffer.from(JSON.stringify(session)), this.#limits.sessionIdleMs)
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

function keyOf({ principal }: Context, id: string): string {
  return `session:${principal.name}:${id}`
}
