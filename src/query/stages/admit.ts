import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { Stage } from '../pipeline.ts'
import { HeldResults } from '../results/held-results.ts'
import { holderOf } from '../types.ts'

/** How statements are let in. */
export interface Admission {
  /** The gate of a source, by name. */
  slotsOf(source: string): ConcurrencyLimiter
  /** After how long without being read a result loses its slot to a holder that waits and has fewer, in milliseconds. */
  readonly contendedStallMs: number
  /** Told how long a statement waited for its slot, in milliseconds. */
  onWait(source: string, queueWaitMs: number): void
}

/**
 * Lets so many statements of a source run at once; the others wait in line. A slot is held until the result has been
 * read, since that is how long the engine works for it.
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
      const end = (error: unknown) => {
        slots.onOutcome(error)
        release()
      }
      try {
        return results.hold(await next(plan, ctx), holder, end)
      } catch (error) {
        end(error)
        throw error
      }
    },
  }
}
