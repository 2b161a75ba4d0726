import type { Context, Logger } from '../types.ts'
import type { OpenTransaction } from './open-transaction.ts'

/** How long a rollback waits for the statement that runs in its transaction, in milliseconds. */
export const ROLLBACK_WAIT_MS = 10_000

/** A context for the rollback of a transaction without a client. */
export function ownContext({ id, principal }: OpenTransaction, log: Logger): Context {
  const signal = AbortSignal.timeout(ROLLBACK_WAIT_MS)
  return { principal, signal, deadlineAt: Infinity, requestId: id, log }
}
