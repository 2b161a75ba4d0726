import { GatewayError } from '../errors.ts'
import { observeResult } from '../observed-result.ts'
import type { Stage } from '../pipeline.ts'
import type { Context } from '../types.ts'

/** Applies the session's statement timeout on top of the call's own deadline. */
export function deadline(): Stage {
  const limited = (ctx: Context, timeoutMs: number): { ctx: Context; clear: () => void } => {
    const controller = new AbortController()
    const onAbort = () => controller.abort(ctx.signal.reason)
    const timer = setTimeout(
      () =>
        controller.abort(new GatewayError('DEADLINE', `The statement ran longer than the session's ${timeoutMs} ms.`)),
      timeoutMs,
    )
    ctx.signal.addEventListener('abort', onAbort, { once: true })
    if (ctx.signal.aborted) onAbort()
    return {
      ctx: { ...ctx, signal: controller.signal, deadlineAt: Math.min(ctx.deadlineAt, Date.now() + timeoutMs) },
      clear: () => {
        clearTimeout(timer)
        ctx.signal.removeEventListener('abort', onAbort)
      },
    }
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
