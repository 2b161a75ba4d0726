import type { CacheObstacle } from '../query/facts/statement-facts.ts'

/** Obstacles of the statement's text. */
const obstacles: Readonly<Record<CacheObstacle, true>> = {
  'volatile-function': true,
  'unknown-function': true,
  'session-state': true,
  'temporary-table': true,
  sample: true,
  'external-data': true,
  'system-table': true,
  'not-a-query': true,
  unreadable: true,
}

/** Obstacles of the call. */
const ofCalls = [
  /** The source's settings, or the gateway's, turn the cache off. */
  'disabled',
  'transaction',
  'no-store',
  'no-cache',
  'large-parameters',
  'state-unavailable',
] as const

/** Why the cache may not apply, for `CacheOutcome.detail`. */
export type BypassReason = CacheObstacle | (typeof ofCalls)[number]

/** All reasons. */
export const bypassReasons: readonly BypassReason[] = [...ofCalls, ...(Object.keys(obstacles) as CacheObstacle[])]
