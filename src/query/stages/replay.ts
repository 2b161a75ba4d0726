import type { Stage } from '../pipeline.ts'
import { type ResultStore, shareResults } from './share-results.ts'

/** Limits of replays. */
export interface ReplayLimits {
  /** Maximum size of a stored result; 0 stores none. */
  readonly maxRepeatableResultBytes: number
  /** Time to live of a stored result, in milliseconds; no ticket lives longer. */
  readonly ticketTtlMs: number
  /** How long a reader waits for another reader of the same execution, in milliseconds; then the statement runs twice. */
  readonly queueWaitMs: number
}

/** Replays a small result when a client retries its ticket, and shares it between concurrent readers, unless the cache does so. */
export function replay(store: ResultStore, limits: ReplayLimits): Stage {
  return shareResults({
    name: 'replay',
    keyOf: (plan) =>
      plan.kind === 'read' && !plan.isRecorded && plan.query.transaction === undefined && plan.execution !== undefined
        ? `rows:${plan.execution}`
        : undefined,
    ttlOf: () => limits.ticketTtlMs,
    get maxBytes() {
      return limits.maxRepeatableResultBytes
    },
    get waitMs() {
      return limits.queueWaitMs
    },
    store,
  })
}
