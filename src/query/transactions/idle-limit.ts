import type { OpenTransaction } from './open-transaction.ts'

/** Idle limit of a transaction whose only connection has closed, in milliseconds: time for the client to reconnect. */
const ABANDONED_IDLE_MS = 5000

/** Returns how long a transaction may be idle, in milliseconds. */
export function idleMsOf(
  { sessionId, abandoned }: Pick<OpenTransaction, 'sessionId' | 'abandoned'>,
  { transactionIdleMs, sessionIdleMs }: { readonly transactionIdleMs: number; readonly sessionIdleMs: number },
): number {
  const idleMs = sessionId === undefined ? transactionIdleMs : Math.min(transactionIdleMs, sessionIdleMs)
  return abandoned ? Math.min(idleMs, ABANDONED_IDLE_MS) : idleMs
}
