import { GatewayError } from '../query/errors.ts'
import type { Principal, SessionOptions } from '../query/types.ts'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'

/** Limits of sessions. */
export interface SessionLimits {
  readonly sessionIdleMs: number
  readonly maxSessionsPerPrincipal: number
}

/** The stored options of a session. */
export interface StoredSession extends SessionOptions {
  readonly source?: string
  /** The source that has the session's catalog. */
  readonly catalogSource?: string
}

/**
 * Session options, by the id that a front issues. Any replica reads them from the shared state. A session ends when the client
 * closes it or has been idle for `sessionIdleMs`.
 */
export class Sessions {
  readonly #store: Store
  readonly #limits: SessionLimits

  constructor(store: Store, limits: SessionLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** Reads the options of a session; empty if the session does not exist. @throws GatewayError STATE_UNAVAILABLE */
  async read({ name }: Principal, id: string): Promise<StoredSession> {
    const key = keys.session(name, id)
    const value = await this.#store.get(key)
    if (!value) return {}
    await Promise.all([this.#store.touch(key, this.#limits.sessionIdleMs), this.#count(name, id)])
    return JSON.parse(Buffer.from(value).toString()) as StoredSession
  }

  /**
   * Replaces the options of a session, or creates the session.
   * @throws GatewayError TOO_MANY_SESSIONS, STATE_UNAVAILABLE
   */
  async write({ name }: Principal, id: string, session: StoredSession): Promise<void> {
    if (!(await this.#count(name, id)))
      throw new GatewayError(
        'TOO_MANY_SESSIONS',
        `${name} has ${this.#limits.maxSessionsPerPrincipal} sessions already (limits.maxSessionsPerPrincipal): close some.`,
      )
    await this.#store.set(keys.session(name, id), Buffer.from(JSON.stringify(session)), this.#limits.sessionIdleMs)
  }

  /** Ends a session. Returns false if it does not exist. */
  async close({ name }: Principal, id: string): Promise<boolean> {
    const key = keys.session(name, id)
    if (!(await this.#store.get(key))) return false
    await Promise.all([this.#store.delete(key), this.#store.removeMember(keys.sessionsOf(name), id)])
    return true
  }

  /** Counts a session for its principal until the session expires. Returns false if the principal has too many others. */
  async #count(principal: string, id: string): Promise<boolean> {
    const { maxSessionsPerPrincipal, sessionIdleMs } = this.#limits
    return await this.#store.addMember(keys.sessionsOf(principal), id, sessionIdleMs, maxSessionsPerPrincipal)
  }
}
