import { deriveContext } from '../../query/derive-context.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Stage } from '../../query/pipeline.ts'
import { holding } from '../../query/results/holding.ts'
import type { PlannedStatement, Result } from '../../query/types.ts'
import { BilledFrames } from './billed-frames.ts'
import type { Budgets } from './budgets.ts'
import { BudgetError } from './refusal.ts'

/** Whether the engine itself has refused to bill as much as the statement needs. */
function isRefusedByEngine(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'BUDGET_EXCEEDED' && !(error instanceof BudgetError)
}

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
      const attempt = async (planned: PlannedStatement): Promise<Result> => {
        const charge = await budgets.open(planned, ctx)
        const run = async (): Promise<Result> => {
          const result = await next(planned, deriveContext(ctx, { charge }))
          // Only a front that has put a trace into the context tells the bill.
          return ctx.trace ? { ...result, frames: new BilledFrames(result.frames, charge) } : result
        }
        return await holding(run, { onEnd: () => charge.end() })
      }
      try {
        return await attempt(plan)
      } catch (error) {
        // Of a change, some statements or rows of parameters may have been carried out before: it never runs twice.
        if (plan.kind !== 'read' || plan.cost?.likelyBytes === undefined || !isRefusedByEngine(error)) throw error
        // The engine reads more than it told, so the statement counts as one of unknown cost.
        const { likelyBytes: _, ...cost } = plan.cost
        return await attempt({ ...plan, cost })
      }
    },
  }
}
