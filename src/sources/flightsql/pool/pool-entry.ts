import { GrpcFailure, TurnedAway } from '../../../grpc/client/failure.ts'
import type { Connection } from '../protocol/connection.ts'

/** Why a connection ended. */
export type DestroyReason = 'failed' | 'unusable' | 'aged' | 'idle' | 'unhealthy' | 'closed'

/** An entry of the pool: a connection, or the failure to open one, which generic-pool itself would not report. */
export interface Entry {
  readonly createdAt: number
  readonly connection?: Connection
  readonly failure?: unknown
  uses: number
  /** Whether a call on it has ended well; an error that the upstream answered counts as well. */
  hasServed: boolean
  lastUsedAt: number
  destroyReason: DestroyReason
}

/** Oldest failure that a caller is told in place of trying again, in milliseconds. */
const FRESH_FAILURE_MS = 100
/** A connection that ends unused before this age, in milliseconds, has ended at once. */
const AT_ONCE_MS = 5000

/** An entry that has not been used yet. */
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

/** Whether the server has ended a connection as soon as it was open. */
export function hasEndedAtOnce({ connection, hasServed, createdAt }: Entry): boolean {
  return !hasServed && connection?.usable === false && Date.now() - createdAt < AT_ONCE_MS
}

/** Whether a login failed since its connection ended. */
export function isLost(failure: unknown): boolean {
  return failure instanceof GrpcFailure && failure.origin === 'local' && failure.status === 'UNAVAILABLE'
}

/** Why a connection ended on which nothing was sent. */
function endedFailure({ closedBy }: Connection): GrpcFailure {
  if (closedBy instanceof TurnedAway) return closedBy
  return unavailable('a new connection has ended at once', closedBy)
}

/** No connection was given back in time. */
export function noneFree(max: number, acquireTimeoutMs: number): GrpcFailure {
  const why = `none of the ${max} connections became free within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`
  return new GrpcFailure('RESOURCE_EXHAUSTED', why, 'local', { notProcessed: true })
}

/** No connection was opened in time. */
export function noneCame(acquireTimeoutMs: number): GrpcFailure {
  return unavailable(`no connection came about within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`)
}

/** Nothing was sent to the upstream. */
export function unavailable(why: string, cause?: unknown): GrpcFailure {
  return new GrpcFailure('UNAVAILABLE', why, 'local', { cause, notProcessed: true })
}
