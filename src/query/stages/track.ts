import type { ActiveStatements } from '../control/active-statements.ts'
import type { Stage } from '../pipeline.ts'
import { holding } from '../results/holding.ts'

/** Lists each statement among the active ones until its result has been read, and lets callers cancel it. */
export function track(active: ActiveStatements): Stage {
  return {
    name: 'track',
    async run(plan, ctx, next) {
      const statement = active.begin(plan.query, ctx, plan.kind === 'ingest' ? undefined : plan.cost?.costUsd)
      return await holding(() => next(plan, statement.ctx), statement)
    },
  }
}
