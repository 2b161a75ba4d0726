import type { Stage } from '../pipeline.ts'
import { observeResult } from '../results/observe.ts'
import type { Transactions } from '../transactions/transactions.ts'

/** Gives each statement of a transaction its turn, which lasts until its result has been read. */
export function transact(transactions: Transactions): Stage {
  return {
    name: 'transact',
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
      try {
        const result = await next(plan, turn.ctx)
        turn.awaitReader(true)
        return observeResult(result, {
          onAsked: () => turn.awaitReader(false),
          onFrames: () => turn.awaitReader(true),
          onEnd: turn.release,
        })
      } catch (error) {
        turn.release()
        throw error
      }
    },
  }
}
