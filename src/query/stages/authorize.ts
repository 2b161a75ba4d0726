import { GatewayError } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import type { Router } from '../router.ts'
import type { Principal } from '../types.ts'

/** Roles that may change data where a source allows it. */
const writers: readonly string[] = ['writer', 'admin']

/** Whether a principal may change data of a source. */
export function mayWrite(source: { readonly writes: boolean }, principal: Principal): boolean {
  return source.writes && principal.roles.some((role) => writers.includes(role))
}

/** Rejects statements that change data unless the source and the principal's role both allow it. */
export function authorize(router: Router): Stage {
  const check = (source: string, principal: Principal, changesData: boolean) => {
    if (!changesData) return
    if (!router.named(source).writes)
      throw new GatewayError(
        'READ_ONLY',
        `The source ${source} is read-only: set sources.${source}.writes: true to allow it.`,
      )
    if (!mayWrite({ writes: true }, principal))
      throw new GatewayError('FORBIDDEN', `${principal.name} may not change data: this needs the role writer or admin.`)
  }
  return {
    name: 'authorize',
    async plan(query, ctx, next) {
      const plan = await next(query, ctx)
      if (plan.kind !== 'read' && query.purpose === 'read') throw new GatewayError('UNSAFE_STATEMENT')
      check(query.source, ctx.principal, plan.kind !== 'read' || query.purpose === 'write')
      return plan
    },
    async run(plan, ctx, next) {
      check(plan.query.source, ctx.principal, plan.kind !== 'read')
      if (plan.kind !== 'read') return await next(plan, ctx)
      const { source, purpose } = plan.query
      const mayChange = purpose !== 'read' && mayWrite(router.named(source), ctx.principal)
      return await next(mayChange ? { ...plan, mayWrite: true } : plan, ctx)
    },
  }
}
