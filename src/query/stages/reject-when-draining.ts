import type { SourceDrains } from '../admin/source-drains.ts'
import type { DrainGate } from '../drain-gate.ts'
import type { Stage } from '../pipeline.ts'
import type { Query } from '../types.ts'

/** Rejects new statements once the gate is closed, and those of sources that an operator drains. Statements planned before and open transactions continue. */
export function rejectWhenDraining(gate: DrainGate, drains: SourceDrains): Stage {
  const admit = ({ source, transaction }: Query) => {
    if (transaction !== undefined) return
    gate.admit()
    drains.admit(source)
  }
  return {
    name: 'reject-when-draining',
    async plan(query, ctx, next) {
      admit(query)
      return await next(query, ctx)
    },
    async run(plan, ctx, next) {
      // Ingestion has no planning, so it is checked here.
      if (plan.kind === 'ingest') admit(plan.query)
      return await next(plan, ctx)
    },
  }
}
