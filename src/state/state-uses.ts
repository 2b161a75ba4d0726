import type { GuardLimits } from './guarded.ts'

/** Time limits of a use of the shared state, in milliseconds. */
interface UseLimits {
  /** Of a call to the store or the bus; `command`: that of a command to Redis (`redis.commandTimeoutMs`). */
  readonly callMs: number | 'command'
  /** Of a blob, which takes many commands. */
  readonly blobMs: number
  /** How long calls fail at once after one had no answer. */
  readonly retryAfterMs: number
}

/**
 * How long each use of the shared state waits for it, and what happens while it is down:
 *
 * - `statements`: sessions, bound parameters, claims and cancels. The call fails with STATE_UNAVAILABLE, because a guess would be
 *   wrong; `statements/keys.ts` lists the two marks that are ignored instead.
 * - `quotas`: requests and statements pass, and their counts wait in memory.
 * - `cache`: the cache is bypassed, so the limit is shorter than a statement takes.
 * - `ledger`: `budgets.whenLedgerDown` decides.
 */
export const stateUses = {
  statements: { callMs: 'command', blobMs: 15_000, retryAfterMs: 1000 },
  quotas: { callMs: 250, blobMs: 250, retryAfterMs: 1000 },
  cache: { callMs: 150, blobMs: 5000, retryAfterMs: 2000 },
  ledger: { callMs: 'command', blobMs: 1000, retryAfterMs: 1000 },
} as const satisfies Record<string, UseLimits>

export type StateUse = keyof typeof stateUses

/** Time limit of a call to the state in memory, in milliseconds. */
const MEMORY_CALL_MS = 1000

/**
 * Limits of the calls of a use.
 * @param commandTimeoutMs of Redis; undefined for the state in memory
 */
export function limitsOf(
  use: StateUse,
  commandTimeoutMs = MEMORY_CALL_MS,
): { readonly small: GuardLimits; readonly bulk: GuardLimits } {
  const { callMs, blobMs, retryAfterMs } = stateUses[use]
  const callTimeoutMs = callMs === 'command' ? commandTimeoutMs : Math.min(callMs, commandTimeoutMs)
  return { small: { callTimeoutMs, retryAfterMs }, bulk: { callTimeoutMs: blobMs, retryAfterMs } }
}
