import { GatewayError } from '../../query/errors.ts'
import type { Stage } from '../../query/pipeline.ts'
import type { Router } from '../../query/router.ts'
import type { Context, Plan, Query } from '../../query/types.ts'
import type { Advisor } from './advisor.ts'
import { bytesText } from './rules/rule.ts'

type Next = (query: Query, ctx: Context) => Promise<Plan>

/**
 * Adds advice to estimates that a client asked for, and what the best rewrite would bill to refusals of statements that cost too much.
 * The stage stands around the stage of budgets, so that its dry runs are priced. Statements that just run pass it untouched.
 */
export function advise(advisor: Advisor, router: Router): Stage {
  const withAdvice = async (query: Query, plan: Plan, ctx: Context, next: Next): Promise<Plan> => {
    const { cost } = router.ofQuery(query)
    if (!cost || !plan.estimate) return plan
    const dryRun = (sql: string, within: Context) => next({ ...query, sql, estimate: true }, within)
    return { ...plan, estimate: await advisor.advise(query, plan, { cost, dryRun }, ctx) }
  }

  /** A refusal that also tells what the best rewrite would bill. It quotes nothing of the statement, since logs hold it. */
  const withBestAdvice = async (refusal: GatewayError, query: Query, ctx: Context, next: Next) => {
    try {
      const asked = { ...query, estimate: true }
      const plan = await withAdvice(asked, await next(asked, ctx), ctx, next)
      const best = plan.estimate?.advice?.find(({ savedBytes }) => savedBytes)
      if (best?.billableBytes === undefined || best.savedBytes === undefined) return refusal
      const { billableBytes, savedBytes, savedUsd, rule } = best
      const before = bytesText(billableBytes + savedBytes)
      return new GatewayError(
        refusal.code,
        `${refusal.message} A rewrite (${rule}) would bill ${bytesText(billableBytes)} instead of ${before}: ask for an estimate to see it.`,
        {
          cause: refusal,
          details: {
            ...refusal.details,
            advice_rule: rule,
            advice_billable_bytes: String(billableBytes),
            advice_saved_bytes: String(savedBytes),
            ...(savedUsd !== undefined && { advice_saved_usd: String(savedUsd) }),
          },
        },
      )
    } catch {
      return refusal
    }
  }

  return {
    name: 'advise',
    async plan(query, ctx, next) {
      if (router.ofQuery(query).cost?.dialect !== 'bigquery') return await next(query, ctx)
      if (query.estimate) return await withAdvice(query, await next(query, ctx), ctx, next)
      try {
        return await next(query, ctx)
      } catch (error) {
        if (!(error instanceof GatewayError) || error.code !== 'BUDGET_EXCEEDED') throw error
        throw await withBestAdvice(error, query, ctx, next)
      }
    },
  }
}
