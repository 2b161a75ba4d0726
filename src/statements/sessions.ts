import { LRUCache } from 'lru-cache'
import { GatewayError } from '../query/errors.ts'
import type { Principal, SessionOptions } from '../query/types.ts'
import type { Store } from '../state/store.ts'
import { keys } from './keys.ts'

/** Number of a principal's sessions that a call looks at for closed ones, the oldest first. */
const MAX_LOOKED_AT = 1000

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

/** The stored form of a session. */
interface StoredForm extends StoredSession {
  /** Whether the options were written before the client returned the session's cookie. */
  readonly awaitsCookie?: true
}

/** Number of sessions whose returned cookie a replica remembers. */
const MAX_RETURNED = 10_000

/**
 * Session options, by the id that a front issues. Any replica reads them from the shared state. A session ends when the client
 * closes it or has been idle for `sessionIdleMs`.
 */
export class Sessions {
  readonly #store: Store
  readonly #limits: SessionLimits
  /** Marks that this replica has set, so that not each call sets one; forgotten in time to renew them. */
  readonly #returned = new LRUCache<string, true>({ max: MAX_RETURNED })

  constructor(store: Store, limits: SessionLimits) {
    this.#store = store
    this.#limits = limits
  }

  /**
   * Reads the options of a session; empty if the session does not exist.
   * @param byCookie whether the client has sent the session's cookie
   * @throws GatewayError STATE_UNAVAILABLE
   */
  async read({ name }: Principal, id: string, byCookie = false): Promise<StoredSession> {
    const key = keys.session(name, id)
    const value = await this.#store.get(key)
    if (!value) return {}
    // A close may have overtaken this call: count only a session that still exists.
    if (await this.#store.touch(key, this.#limits.sessionIdleMs)) await this.#count(name, id)
    const { awaitsCookie, ...session } = JSON.parse(Buffer.from(value).toString()) as StoredForm
    if (awaitsCookie && byCookie) await this.#markReturned(name, id)
    return session
  }

  /**
   * Replaces the options of a session, or creates the session.
   * @param awaitsCookie whether the client has not returned the session's cookie yet; see `closeUnreturned`
   * @throws GatewayError TOO_MANY_SESSIONS, STATE_UNAVAILABLE
   */
  async write({ name }: Principal, id: string, session: StoredSession, awaitsCookie = false): Promise<void> {
    const { sessionIdleMs, maxSessionsPerPrincipal } = this.#limits
    const key = keys.session(name, id)
    const form: StoredForm = awaitsCookie ? { ...session, awaitsCookie } : session
    const value = Buffer.from(JSON.stringify(form))
    // Create the session before it is counted: otherwise another call takes its place for that of a closed session.
    const isNew = await this.#store.setIfAbsent(key, value, sessionIdleMs)
    if (!(await this.#countWithoutClosed(name, id))) {
      if (isNew) await this.#store.delete(key)
      throw new GatewayError(
        'TOO_MANY_SESSIONS',
        `${name} has ${maxSessionsPerPrincipal} sessions already (limits.maxSessionsPerPrincipal): close some.`,
      )
    }
    if (!isNew) await this.#store.set(key, value, sessionIdleMs)
  }

  /** Ends a session. Returns false if it does not exist. */
  async close({ name }: Principal, id: string): Promise<boolean> {
    const key = keys.session(name, id)
    if (!(await this.#store.get(key))) return false
    await Promise.all([this.#store.delete(key), this.#store.removeMember(keys.sessionsOf(name), id)])
    return true
  }

  /**
   * Ends a session whose connection has closed, unless its client has returned the cookie, perhaps on a connection to another
   * replica. Returns false if the session goes on or does not exist.
   */
  async closeUnreturned(principal: Principal, id: string): Promise<boolean> {
    const value = await this.#store.get(keys.session(principal.name, id))
    if (!value || !(JSON.parse(Buffer.from(value).toString()) as StoredForm).awaitsCookie) return false
    if (await this.#store.get(keys.cookieReturned(principal.name, id))) return false
    return await this.close(principal, id)
  }

  async #markReturned(principal: string, id: string): Promise<void> {
    const key = keys.cookieReturned(principal, id)
    if (this.#returned.has(key)) return
    await this.#store.set(key, Buffer.from('1'), this.#limits.sessionIdleMs)
    this.#returned.set(key, true, { ttl: Math.max(1, Math.floor(this.#limits.sessionIdleMs / 2)) })
  }

  /** Counts a session. If the principal has too many others, drops those that no longer exist and tries once more. */
  async #countWithoutClosed(principal: string, id: string): Promise<boolean> {
    if (await this.#count(principal, id)) return true
    const set = keys.sessionsOf(principal)
    const dropIfClosed = async (member: string) => {
      if (await this.#store.get(keys.session(principal, member))) return false
      await this.#store.removeMember(set, member)
      return true
    }
    const dropped = await Promise.all((await this.#store.members(set, MAX_LOOKED_AT)).map(dropIfClosed))
    return dropped.includes(true) && (await this.#count(principal, id))
  }

  /** Counts a session for its principal until the session expires. Returns false if the principal has too many others. */
  async #count(principal: string, id: string): Promise<boolean> {
    const { maxSessionsPerPrincipal, sessionIdleMs } = this.#limits
    return await this.#store.addMember(keys.sessionsOf(principal), id, sessionIdleMs, maxSessionsPerPrincipal)
  }
}
