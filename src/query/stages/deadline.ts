import { deriveContext } from '../derive-context.ts'
import { GatewayError } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import { holding } from '../results/holding.ts'
import { timeLimit } from '../time-limit.ts'
import type { Context, Query } from '../types.ts'

interface StatementLimit {
  readonly timeoutMs: number
  /** Owner of the limit, for the error message. */
  readonly owner: string
  /** Setting that has the limit, in brackets for the error message; empty for the client's own. */
  readonly setting: string
}

/**
 * Applies the shortest statement timeout of the session, the source and the principal, in addition to the call's deadline. The
 * timeout covers reading the result, because a client may stop reading without cancelling.
 * @param timeoutOf the timeout of a source by its name, in milliseconds
 */
export function deadline(timeoutOf: (source: string) => number | undefined): Stage {
  const limitOf = ({ source, session }: Query, { principal }: Context): StatementLimit | undefined => {
    const ofSource = timeoutOf(source)
    const { statementTimeoutMs: ofPrincipal } = principal
    const timeoutMs = Math.min(session.timeoutMs ?? Infinity, ofSource ?? Infinity, ofPrincipal ?? Infinity)
    if (timeoutMs === Infinity) return undefined
    if (timeoutMs === session.timeoutMs) return { timeoutMs, owner: "the session's", setting: '' }
    return timeoutMs === ofSource
      ? { timeoutMs, owner: `the source ${source}'s`, setting: ` (sources.${source}.statementTimeoutMs)` }
      : { timeoutMs, owner: `${principal.name}'s`, setting: ' (statementTimeoutMs of its API key or its groups)' }
  }
  const limited = (
    ctx: Context,
    { timeoutMs, owner, setting }: StatementLimit,
  ): { ctx: Context; clear: () => void } => {
    const overdue = () =>
      new GatewayError(
        'DEADLINE',
        `The statement ran longer than ${owner} ${timeoutMs} ms${setting}: ask for less at once.`,
      )
    const { signal, clear } = timeLimit(ctx.signal, timeoutMs, overdue)
    return { ctx: deriveContext(ctx, { signal, deadlineAt: Math.min(ctx.deadlineAt, Date.now() + timeoutMs) }), clear }
  }
  return {
    name: 'deadline',
    async plan(query, ctx, next) {
      const limit = limitOf(query, ctx)
      if (!limit) return await next(query, ctx)
      const { ctx: inner, clear } = limited(ctx, limit)
      try {
        return await next(query, inner)
      } finally {
        clear()
      }
    },
    async run(plan, ctx, next) {
      const limit = limitOf(plan.query, ctx)
      if (!limit) return await next(plan, ctx)
      const { ctx: inner, clear } = limited(ctx, limit)
      return await holding(() => next(plan, inner), { onEnd: clear })
    },
  }
}
