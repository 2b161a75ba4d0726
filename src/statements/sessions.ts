import { GatewayError } from '../query/errors.ts'
import type { Principal, SessionOptions } from '../query/types.ts'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'

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
 * Options that last from call to call, by an id that a front hands out; any replica finds them in the state store. A
 * session ends when it is closed or has been idle for too long.
 */
export class Sessions {
  readonly #store: Store
  readonly #limits: SessionLimits
  #counted: Promise<void> = Promise.resolve()

  constructor(store: Store, limits: SessionLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** The options of a session; none when there is no such session. */
  async read({ name }: Principal, id: string): Promise<StoredSession> {
    const key = keys.session(name, id)
    const value = await this.#store.get(key)
    if (!value) return {}
    await this.#store.touch(key, this.#limits.sessionIdleMs)
    return JSON.parse(Buffer.from(value).toString()) as StoredSession
  }

  /**
   * Replaces the options of a session; begins it where it is new.
   * @throws GatewayError TOO_MANY_SESSIONS
   */
  async write({ name }: Principal, id: string, session: StoredSession): Promise<void> {
    // One after another: two that read the same list would each miss the other's session in it.
    const counted = this.#counted.then(() => this.#countIn(name, id))
    this.#counted = counted.catch(() => {})
    await counted
    await this.#store.set(keys.session(name, id), Buffer.from(JSON.stringify(session)), this.#limits.sessionIdleMs)
  }

  /** Ends a session; false when there is none. */
  async close({ name }: Principal, id: string): Promise<boolean> {
    const key = keys.session(name, id)
    if (!(await this.#store.get(key))) return false
    await this.#store.delete(key)
    return true
  }

  /** Keeps a list of each principal's sessions, those that have ended left out, and refuses one too many. */
  async #countIn(principal: string, id: string): Promise<void> {
    const listKey = keys.sessionsOf(principal)
    const stored = await this.#store.get(listKey)
    const known = stored ? (JSON.parse(Buffer.from(stored).toString()) as string[]) : []
    if (known.includes(id)) return
    const alive: string[] = []
    for (const each of known) if (await this.#store.get(keys.session(principal, each))) alive.push(each)
    const { maxSessionsPerPrincipal, sessionIdleMs } = this.#limits
    if (alive.length >= maxSessionsPerPrincipal)
      throw new GatewayError(
        'TOO_MANY_SESSIONS',
        `${principal} has ${alive.length} sessions already (limits.maxSessionsPerPrincipal): close some.`,
      )
    await this.#store.set(listKey, Buffer.from(JSON.stringify([...alive, id])), 2 * sessionIdleMs)
  }
}
