import { ReplicaQuestions } from '../../query/replicas/replica-questions.ts'
import type { Transactions } from '../../query/transactions/transactions.ts'
import type { Context } from '../../query/types.ts'
import type { Bus } from '../../state/bus.ts'
import { unlessDown } from '../../state/unless-down.ts'
import type { ReplicaDirectory } from './replica-directory.ts'

interface EndedSession {
  readonly principal: string
  readonly session: string
}

/**
 * Returns a function that rolls back the transactions of a session that ends, on all replicas: each call of the session may have
 * begun one on another replica. A replica that does not learn of it rolls them back when they have been idle.
 */
export function endingTransactions(
  transactions: Transactions,
  bus: Bus,
  directory: ReplicaDirectory,
): (sessionId: string, ctx: Context) => Promise<void> {
  const questions = new ReplicaQuestions<EndedSession, boolean>(
    'ended-session',
    bus,
    directory,
    async ({ principal, session }) => {
      await transactions.endSession(principal, session)
      return true
    },
  )
  return async (session, ctx) => {
    const { name: principal } = ctx.principal
    await transactions.endSession(principal, session, ctx)
    await unlessDown(questions.ask({ principal, session }), undefined)
  }
}
