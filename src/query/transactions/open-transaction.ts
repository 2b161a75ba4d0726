import type { Semaphore } from '../../async/semaphore.ts'
import type { Source } from '../source.ts'
import type { Context, Principal } from '../types.ts'

/** Limits of transactions. */
export interface TransactionLimits {
  readonly transactionIdleMs: number
  readonly sessionIdleMs: number
  readonly maxTransactionsPerPrincipal: number
  /** How long a statement waits for its turn in the transaction, in milliseconds. */
  readonly queueWaitMs: number
}

/** Parameters of a new transaction. */
export interface TransactionStart {
  readonly source: Source
  readonly readOnly: boolean
  /** Whether the client named the source; the transaction then cannot move to another source. */
  readonly isFixed?: boolean
  /** The client's session, if any. The transaction ends with the session. */
  readonly sessionId?: string | undefined
}

/** A statement's turn in its transaction. */
export interface Turn {
  /** Its signal aborts when the transaction is rolled back. */
  readonly ctx: Context
  /** Sets whether rows wait for the client. Other statements of the transaction do not wait for a client that does not read. */
  readonly awaitReader: (isAwaited: boolean) => void
  readonly release: () => void
}

/** An open transaction. */
export interface OpenTransaction extends Omit<TransactionStart, 'source'> {
  source: Source
  readonly id: string
  readonly principal: Principal
  /** Admits one statement at a time. */
  readonly turn: Semaphore
  /** Aborts the running statement when the transaction is rolled back. */
  readonly controller: AbortController
  idleTimer: NodeJS.Timeout | undefined
  /** Whether the only connection that used the transaction has closed, and no call has used the transaction since. */
  abandoned: boolean
  /** When rows of the running statement began to wait for the client, by `performance.now()`; undefined if none wait. */
  unreadSince: number | undefined
  /** Whether a statement has run in the transaction. */
  used: boolean
}
