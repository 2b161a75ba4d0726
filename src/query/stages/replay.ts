import type { Stage } from '../pipeline.ts'
import { type ResultStore, shareResults } from './share-results.ts'

/** Limits of the results that are kept for a replay. */
export interface ReplayLimits {
  /** Size of a result that is kept; 0 keeps none. */
  readonly maxRepeatableResultBytes: number
  /** Time for which a result is kept, in milliseconds: no ticket is good for longer. */
  readonly ticketTtlMs: number
  /** Time for which a reader waits for another that runs the same execution, in milliseconds; then it runs twice. */
  readonly queueWaitMs: number
}

/** Replays a small result when a client redeems its ticket again, and shares it between readers at the same time. */
export function replay(store: ResultStore, limits: ReplayLimits): Stage {
  return shareResults({
    name: 'replay',
    keyOf: (plan) =>
      plan.kind === 'read' && plan.query.transaction === undefined && plan.execution !== undefined
        ? `rows:${plan.execution}`
        : undefined,
    ttlOf: () => limits.ticketTtlMs,
    maxBytes: limits.maxRepeatableResultBytes,
    waitMs: limits.queueWaitMs,
    store,
  })
}
