import { GatewayError } from '../errors.ts'
import { observeResult } from '../observed-result.ts'
import type { Stage } from '../pipeline.ts'
import { timeLimit } from '../time-limit.ts'
import type { Context } from '../types.ts'

/** Applies the session's statement timeout on top of the call's own deadline. */
export function deadline(): Stage {
  const limited = (ctx: Context, timeoutMs: number): { ctx: Context; clear: () => void } => {
    const overdue = () => new GatewayError('DEADLINE', `The statement ran longer than the session's ${timeoutMs} ms.`)
    const { signal, clear } = timeLimit(ctx.signal, timeoutMs, overdue)
    return { ctx: { ...ctx, signal, deadlineAt: Math.min(ctx.deadlineAt, Date.now() + timeoutMs) }, clear }
  }
  return {
    name: 'deadline',
    async plan(query, ctx, next) {
      if (query.session.timeoutMs === undefined) return await next(query, ctx)
      const { ctx: inner, clear } = limited(ctx, query.session.timeoutMs)
      try {
        return await next(query, inner)
      } finally {
        clear()
      }
    },
    async run(plan, ctx, next) {
      if (plan.query.session.timeoutMs === undefined) return await next(plan, ctx)
      const { ctx: inner, clear } = limited(ctx, plan.query.session.timeoutMs)
      try {
        return observeResult(await next(plan, inner), { onEnd: clear })
      } catch (error) {
        clear()
        throw error
      }
    },
  }
}
