import type { AuditTrail, EndedStatement } from '../audit/audit-trail.ts'
import { GatewayError } from '../errors.ts'
import type { Stage } from '../pipeline.ts'
import { endFailure } from '../results/end-failure.ts'
import { holding, type ReadStats } from '../results/holding.ts'
import type { Context, PlannedStatement, Query } from '../types.ts'

const kinds = { read: 'read', write: 'update', any: null } as const

/** Records each statement that ran, failed or was refused in the audit log, and refuses new ones while that must be written and cannot. */
export function auditTrail(trail: AuditTrail): Stage {
  return {
    name: 'audit-trail',
    async plan(query, ctx, next) {
      const startedAt = performance.now()
      try {
        trail.admit()
        return await next(query, ctx)
      } catch (thrown) {
        const failure = GatewayError.from(thrown)
        const ended = endOf(query, ctx, kinds[query.purpose], 'plan', startedAt, failure)
        const report = () => trail.statementEnded(ended)
        if (ctx.heldReports) ctx.heldReports.push(report)
        else report()
        throw thrown
      }
    },
    async run(plan, ctx, next) {
      const startedAt = performance.now()
      const run = async () => {
        trail.admit()
        return await next(plan, ctx)
      }
      return await holding(run, {
        onEnd(thrown, complete, stats) {
          const failure = endFailure(thrown, complete, ctx.signal)
          const ended = { ...endOf(plan.query, ctx, plan.kind, 'run', startedAt, failure, stats), ...factsOf(plan) }
          // What the engine has billed may be known in a moment, and the client need not wait for the line.
          setImmediate(() => trail.statementEnded(ended))
        },
      })
    },
  }
}

function endOf(
  { source, sql }: Query,
  ctx: Context,
  kind: EndedStatement['kind'],
  step: EndedStatement['step'],
  startedAt: number,
  failure: GatewayError | undefined,
  { rows, bytes }: ReadStats = { rows: 0, bytes: 0 },
): EndedStatement {
  return { ctx, source, sql, kind, step, rows, bytes, totalMs: performance.now() - startedAt, failure }
}

/** What only a planned statement tells. */
function factsOf(plan: PlannedStatement): Pick<EndedStatement, 'ingestTable' | 'planMs'> {
  return plan.kind === 'ingest' ? { ingestTable: plan.ingest.table } : { planMs: plan.planMs }
}
