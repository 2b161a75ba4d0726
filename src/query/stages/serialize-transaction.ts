import type { Stage } from '../pipeline.ts'
import { holding } from '../results/holding.ts'
import type { Transactions } from '../transactions/transactions.ts'

/** Runs the statements of a transaction one at a time: each keeps its turn until the client has read the result. */
export function serializeTransaction(transactions: Transactions): Stage {
  return {
    name: 'serialize-transaction',
    async plan(query, ctx, next) {
      if (query.transaction === undefined) return await next(query, ctx)
      const turn = await transactions.hold(query.transaction, ctx)
      try {
        return await next(query, turn.ctx)
      } finally {
        turn.release()
      }
    },
    async run(plan, ctx, next) {
      if (plan.query.transaction === undefined) return await next(plan, ctx)
      const turn = await transactions.hold(plan.query.transaction, ctx)
      return await holding(() => next(plan, turn.ctx), {
        onStart: () => turn.awaitReader(true),
        onAsked: () => turn.awaitReader(false),
        onBatch: () => turn.awaitReader(true),
        onEnd: turn.release,
      })
    },
  }
}
