import type { Semaphore } from '../../async/semaphore.ts'
import type { Source } from '../source.ts'
import type { Context, Principal } from '../types.ts'

/** What a transaction is begun with. */
export interface TransactionStart {
  readonly source: Source
  readonly readOnly: boolean
  /** Whether the client has named the source, so that the transaction stays there. */
  readonly isFixed?: boolean
  /** The client's session, whose end is the transaction's; absent when the client has none. */
  readonly sessionId?: string | undefined
}

/** A statement's turn in its transaction. */
export interface Turn {
  /** Aborted when the transaction is rolled back meanwhile. */
  readonly ctx: Context
  /** Whether the statement has rows that its client does not take: nobody waits for that. */
  readonly awaitReader: (isAwaited: boolean) => void
  readonly release: () => void
}

/** A transaction that is open. */
export interface OpenTransaction extends Omit<TransactionStart, 'source'> {
  source: Source
  readonly id: string
  readonly principal: Principal
  /** Lets one statement at a time through. */
  readonly turn: Semaphore
  /** Aborts what runs in it when it is rolled back. */
  readonly controller: AbortController
  idleTimer: NodeJS.Timeout | undefined
  /** The only connection that has used it has ended, and it was not used since. */
  abandoned: boolean
  /** Since when the statement whose turn it is has rows that its client does not take, in milliseconds; undefined when it has not. */
  unreadSince: number | undefined
  /** Whether a statement has run in it. */
  used: boolean
}
