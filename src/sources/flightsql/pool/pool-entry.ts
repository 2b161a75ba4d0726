import { GrpcFailure, TurnedAway } from '../../../grpc/client/failure.ts'
import type { Connection } from '../protocol/connection.ts'

/** Why the pool destroyed a connection. */
export type DestroyReason = 'failed' | 'unusable' | 'aged' | 'idle' | 'unhealthy' | 'closed'

/** A pool entry: a connection, or the failure to open one, which generic-pool would not report. */
export interface Entry {
  readonly createdAt: number
  readonly connection?: Connection
  readonly failure?: unknown
  uses: number
  /** Whether a call on it has completed; an error response of the upstream counts too. */
  hasServed: boolean
  lastUsedAt: number
  destroyReason: DestroyReason
}

/** Maximum age of a failure that a caller gets instead of a new attempt, in milliseconds. */
const FRESH_FAILURE_MS = 100
/** A connection that closes unused before this age, in milliseconds, counts as closed at once. */
const AT_ONCE_MS = 5000

/** An entry that has not been used yet. */
export function newEntry(what: { connection: Connection } | { failure: unknown }, createdAt: number): Entry {
  return { ...what, createdAt, lastUsedAt: createdAt, uses: 0, hasServed: false, destroyReason: 'idle' }
}

/** Why an entry must not be used; undefined when it may. */
export function flawOf({ connection, createdAt }: Entry, maxAgeMs: number): DestroyReason | undefined {
  if (!connection) return 'failed'
  if (!connection.usable) return 'unusable'
  return Date.now() - createdAt < maxAgeMs ? undefined : 'aged'
}

/** The error for a caller that asked at `askedAt` and got a flawed entry; undefined when it shall try the next entry. */
export function failureOf({ connection, createdAt, failure }: Entry, askedAt: number): unknown {
  // An idle connection may be stale: try the next. If a new one is closed already, the next would be too.
  if (connection) return createdAt < askedAt ? undefined : endedFailure(connection)
  return Date.now() - createdAt < FRESH_FAILURE_MS ? failure : undefined
}

/** Whether the server closed a connection right after it was opened. */
export function hasEndedAtOnce({ connection, hasServed, createdAt }: Entry): boolean {
  return !hasServed && connection?.usable === false && Date.now() - createdAt < AT_ONCE_MS
}

/** Whether a login failed because its connection was lost. */
export function isLost(failure: unknown): boolean {
  return failure instanceof GrpcFailure && failure.origin === 'local' && failure.status === 'UNAVAILABLE'
}

/** The error for a connection that the server closed before the gateway sent a call. */
function endedFailure({ closedBy }: Connection): GrpcFailure {
  if (closedBy instanceof TurnedAway) return closedBy
  return unavailable('the server closed a new connection at once', closedBy)
}

/** No lease ended in time. */
export function poolExhausted(max: number, acquireTimeoutMs: number): GrpcFailure {
  const why = `none of the ${max} connections became free within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`
  return new GrpcFailure('RESOURCE_EXHAUSTED', why, 'local', { notProcessed: true })
}

/** No connection was opened in time. */
export function connectTimedOut(acquireTimeoutMs: number): GrpcFailure {
  return unavailable(`no connection was established within ${acquireTimeoutMs} ms (pool.acquireTimeoutMs)`)
}

/** A failure before the gateway sent anything to the upstream: a retry is always safe. */
export function unavailable(why: string, cause?: unknown): GrpcFailure {
  return new GrpcFailure('UNAVAILABLE', why, 'local', { cause, notProcessed: true })
}
