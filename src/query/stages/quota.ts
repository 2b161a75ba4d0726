import type { Stage } from '../pipeline.ts'
import type { ResultObserver } from '../results/holding.ts'
import { holding } from '../results/holding.ts'
import type { Context, Query } from '../types.ts'

/** Counts what principals use, and refuses statements above their quotas. */
export interface StatementAccounts {
  /**
   * Admits a statement and returns the observer that counts it. A promise only for callers with quotas, so that others lose no time.
   * @throws GatewayError QUOTA_EXCEEDED
   */
  open(query: Query, ctx: Context): ResultObserver | Promise<ResultObserver>
  /** Counts a statement that could not be planned. */
  onPlanFailed(query: Query, ctx: Context, error: unknown): void
}

/** Counts each statement for its principal, also one that `replay` answers, and refuses it above a quota. */
export function quota(accounts: StatementAccounts): Stage {
  return {
    name: 'quota',
    async plan(query, ctx, next) {
      try {
        return await next(query, ctx)
      } catch (error) {
        const report = () => accounts.onPlanFailed(query, ctx, error)
        if (ctx.heldReports) ctx.heldReports.push(report)
        else report()
        throw error
      }
    },
    async run(plan, ctx, next) {
      const opened = accounts.open(plan.query, ctx)
      const account = opened instanceof Promise ? await opened : opened
      return await holding(() => next(plan, ctx), account)
    },
  }
}
