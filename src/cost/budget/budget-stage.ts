import { deriveContext } from '../../query/derive-context.ts'
import type { Stage } from '../../query/pipeline.ts'
import { holding } from '../../query/results/holding.ts'
import type { Result } from '../../query/types.ts'
import { BilledFrames } from './billed-frames.ts'
import type { Budgets } from './budgets.ts'

/**
 * Prices statements of sources that bill, and refuses them above a budget. Each statement that runs has a reservation, whose charge
 * the source settles. Statements of other sources pass untouched.
 */
export function budget(budgets: Budgets): Stage {
  return {
    name: 'budget',
    async plan(query, ctx, next) {
      const plan = await next(query, ctx)
      return budgets.bills(query.source) ? await budgets.priced(plan, ctx) : plan
    },
    async run(plan, ctx, next) {
      if (!budgets.bills(plan.query.source)) return await next(plan, ctx)
      const charge = await budgets.open(plan, ctx)
      const run = async (): Promise<Result> => {
        const result = await next(plan, deriveContext(ctx, { charge }))
        // Only a front that has put a trace into the context tells the bill.
        return ctx.trace ? { ...result, frames: new BilledFrames(result.frames, charge) } : result
      }
      return await holding(run, { onEnd: () => charge.end() })
    },
  }
}
