import type { DrainGate } from '../drain-gate.ts'
import type { Stage } from '../pipeline.ts'

/** Rejects new statements once the gate is closed. Statements planned before and open transactions continue. */
export function rejectWhenDraining(gate: DrainGate): Stage {
  return {
    name: 'reject-when-draining',
    async plan(query, ctx, next) {
      if (query.transaction === undefined) gate.admit()
      return await next(query, ctx)
    },
    async run(plan, ctx, next) {
      // Ingestion has no planning, so it is checked here.
      if (plan.kind === 'ingest' && plan.query.transaction === undefined) gate.admit()
      return await next(plan, ctx)
    },
  }
}
