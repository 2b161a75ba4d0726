import type { Stage } from '../../query/pipeline.ts'
import type { Router } from '../../query/router.ts'
import type { Context, Plan, Query } from '../../query/types.ts'
import type { Advisor } from './advisor.ts'

type Next = (query: Query, ctx: Context) => Promise<Plan>

/**
 * Adds advice to estimates that a client asked for. The stage
 * stands around the stage of budgets, so that its dry runs are priced. Statements that just run pass it untouched.
 */
export function advise(advisor: Advisor, router: Router): Stage {
  const withAdvice = async (query: Query, plan: Plan, ctx: Context, next: Next): Promise<Plan> => {
    const { cost } = router.named(query.source)
    if (!cost || !plan.estimate) return plan
    const dryRun = (sql: string, within: Context) => next({ ...query, sql, estimate: true }, within)
    return { ...plan, estimate: await advisor.advise(query, plan, { cost, dryRun }, ctx) }
  }
  return {
    name: 'advise',
    async plan(query, ctx, next) {
      if (router.named(query.source).cost?.dialect !== 'bigquery') return await next(query, ctx)
      const plan = await next(query, ctx)
      return query.estimate ? await withAdvice(query, plan, ctx, next) : plan
    },
  }
}
