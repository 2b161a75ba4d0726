import { GrpcFailure, TurnedAway } from '../../../grpc/client/failure.ts'
import type { Connection } from '../protocol/connection.ts'

/** Why a connection ended. */
export type DestroyReason = 'failed' | 'unusable' | 'aged' | 'idle' | 'unhealthy' | 'closed'

/** What the pool holds: a connection, or why there is none, since generic-pool would try again at once and tell nobody. */
export interface Entry {
  readonly createdAt: number
  readonly connection?: Connection
  readonly failure?: unknown
  uses: number
  /** Whether it has brought somebody to a good end, an error of the upstream among such. */
  hasServed: boolean
  lastUsedAt: number
  destroyReason: DestroyReason
}

/** How old a failure may be that a caller is told in place of trying again. */
const FRESH_FAILURE_MS = 100
/** A connection that is younger and has served nobody has ended at once; an idle one may end at any later time. */
const AT_ONCE_MS = 5000

/** An entry that nobody has used yet. */
export function newEntry(what: { connection: Connection } | { failure: unknown }, createdAt: number): Entry {
  return { ...what, createdAt, lastUsedAt: createdAt, uses: 0, hasServed: false, destroyReason: 'idle' }
}

/** Why an entry must not be used any more; undefined when it may. */
export function flawOf({ connection, createdAt }: Entry, maxAgeMs: number): DestroyReason | undefined {
  if (!connection) return 'failed'
  if (!connection.usable) return 'unusable'
  return Date.now() - createdAt < maxAgeMs ? undefined : 'aged'
}

/** What to tell a caller that asked at `askedAt` and got a flawed entry; undefined when it is to try the next. */
export function failureOf({ connection, createdAt, failure }: Entry, askedAt: number): unknown {
  // A connection that was idle may be stale, and so may the next; a new one would end as this has.
  if (connection) return createdAt < askedAt ? undefined : endedFailure(connection)
  return Date.now() - createdAt < FRESH_FAILURE_MS ? failure : undefined
}

/** Whether the server has ended a connection as soon as it had come about. */
export function hasEndedAtOnce({ connection, hasServed, createdAt }: Entry): boolean {
  return !hasServed && connection?.usable === false && Date.now() - createdAt < AT_ONCE_MS
}

/** Whether a login failed since its connection ended. */
export function isLost(failure: unknown): boolean {
  return failure instanceof GrpcFailure && failure.origin === 'local' && failure.status === 'UNAVAILABLE'
}

/** What became of a connection on which nothing was asked. */
function endedFailure({ closedBy }: Connection): GrpcFailure {
  if (closedBy instanceof TurnedAway) return closedBy
  return unavailable('a new connection has ended at once', closedBy)
}

/** No connection was given back in time. */
export function noneFree(max: number, acquireTimeoutMs: number): GrpcFailure {
  const why = `none of the ${max} connections became free within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`
  return new GrpcFailure('RESOURCE_EXHAUSTED', why, 'local', { notProcessed: true })
}

/** No connection could be made in time. */
export function noneCame(acquireTimeoutMs: number): GrpcFailure {
  return unavailable(`no connection came about within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`)
}

/** Nothing has been asked of the upstream. */
export function unavailable(why: string, cause?: unknown): GrpcFailure {
  return new GrpcFailure('UNAVAILABLE', why, 'local', { cause, notProcessed: true })
}
