import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { Stage } from '../pipeline.ts'
import { HeldResults } from '../results/held-results.ts'
import { holding } from '../results/holding.ts'
import { holderOf } from '../types.ts'

/** What admission needs of each source. */
export interface Admission {
  /** The limiter of a source, by the source's name. */
  slotsOf(source: string): ConcurrencyLimiter
  /** Time in which a reader asks for nothing, in milliseconds: then its result loses the slot to a waiting holder that has fewer slots. */
  readonly contendedStallMs: number
  /** Told how long a statement waited for its slot, in milliseconds. */
  onWait(source: string, queueWaitMs: number): void
}

/**
 * Limits how many statements of a source run at once; the others queue. A statement holds its slot until its result has been
 * read, since the engine works for it until then.
 */
export function admit({ slotsOf, contendedStallMs, onWait }: Admission): Stage {
  const bySource = new Map<string, HeldResults>()
  const resultsOf = (source: string, slots: ConcurrencyLimiter): HeldResults => {
    const results = bySource.get(source) ?? new HeldResults(slots, contendedStallMs)
    bySource.set(source, results)
    return results
  }
  return {
    name: 'admit',
    async run(plan, ctx, next) {
      const { source } = plan.query
      const from = performance.now()
      const slots = slotsOf(source)
      const results = resultsOf(source, slots)
      const holder = holderOf(ctx)
      const acquiring = slots.acquire(ctx.signal, holder)
      if (slots.queued > 0) results.watch()
      const release = await acquiring
      onWait(source, performance.now() - from)
      const onEnd = (error: unknown) => {
        slots.onOutcome(error)
        release()
      }
      return await holding(() => next(plan, ctx), results.hold(holder, onEnd))
    },
  }
}
