import type { Semaphore } from '../../async/semaphore.ts'
import type { Source } from '../source.ts'
import type { Context, Principal } from '../types.ts'

/** What a transaction is begun with. */
export interface TransactionStart {
  readonly source: Source
  readonly readOnly: boolean
  /** Whether the client has named the source: the transaction then stays there. */
  readonly isFixed?: boolean
  /** The client's session, whose end is the transaction's; absent when the client has none. */
  readonly sessionId?: string | undefined
}

/** A statement's turn in its transaction. */
export interface Turn {
  /** Aborted when the transaction is rolled back meanwhile. */
  readonly ctx: Context
  /** Says whether rows wait for the client to read them: other statements do not wait for such a client. */
  readonly awaitReader: (isAwaited: boolean) => void
  readonly release: () => void
}

/** A transaction that is open. */
export interface OpenTransaction extends Omit<TransactionStart, 'source'> {
  source: Source
  readonly id: string
  readonly principal: Principal
  /** Lets one statement run at a time. */
  readonly turn: Semaphore
  /** Aborts the running statement when the transaction is rolled back. */
  readonly controller: AbortController
  idleTimer: NodeJS.Timeout | undefined
  /** Whether the only connection that has used the transaction has ended, with no use since. */
  abandoned: boolean
  /** Since when rows of the running statement wait for its client, by `performance.now()`; undefined when none do. */
  unreadSince: number | undefined
  /** Whether a statement has run in it. */
  used: boolean
}
