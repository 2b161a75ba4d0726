import type { CacheOutcome } from './cache/cache-outcome.ts'
import type { SpanIds } from './tracing/span.ts'

/** What the stages tell of one statement while it runs. A front that reports it puts an empty trace into the context. */
export interface StatementTrace {
  /** Id of the statement among the active ones. */
  queryId?: string
  /** The statement's span, for links to it; absent if tracing is off. */
  span?: SpanIds
  /** Time that the statement waited for a slot, in milliseconds. */
  queueWaitMs?: number
  /** Whether the rows come from another statement or a cache. */
  isShared?: boolean
  /** What the result cache did, known before the first rows; absent if the cache is off. */
  cache?: CacheOutcome
  /** Price of the statement in US dollars, if the source has one. */
  costUsd?: number
  /** Bytes that the engine billed, if it bills. */
  billedBytes?: number
}
