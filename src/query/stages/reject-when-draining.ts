import type { DrainGate } from '../drain-gate.ts'
import type { Stage } from '../pipeline.ts'

/** Refuses new statements once the intake is closed. Plans that were made before, and transactions, go on. */
export function refuse(intake: DrainGate): Stage {
  return {
    name: 'refuse',
    async plan(query, ctx, next) {
      if (query.transaction === undefined) intake.admit()
      return await next(query, ctx)
    },
    async run(plan, ctx, next) {
      // An ingestion is never planned: it begins here.
      if (plan.kind === 'ingest' && plan.query.transaction === undefined) intake.admit()
      return await next(plan, ctx)
    },
  }
}
