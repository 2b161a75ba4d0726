import type { Release } from '../../async/semaphore.ts'
import type { ConcurrencyLimiter } from '../limits/concurrency-limiter.ts'
import type { Stage } from '../pipeline.ts'
import { HeldResults } from '../results/held-results.ts'
import { holding } from '../results/holding.ts'
import { spanFailure } from '../tracing/span-failure.ts'
import { holderOf } from '../types.ts'

/** Dependencies of the `admit` stage. */
export interface Admission {
  /** The limiter of a source, by the source's name. */
  limiterOf(source: string): ConcurrencyLimiter
  /** Time without a pull after which a result loses its slot to a waiting holder with fewer slots, in milliseconds. */
  readonly limits: { readonly contendedStallMs: number }
  /** Receives the time that a statement waited for its slot, in milliseconds. */
  onWait(source: string, queueWaitMs: number): void
}

/**
 * Limits the concurrent statements of a source; further statements queue. A statement holds its slot until the client has read
 * the result, because the engine works for it until then.
 */
export function admit({ limiterOf, limits, onWait }: Admission): Stage {
  // By limiter, since a source that a reload has replaced has another one.
  const byLimiter = new WeakMap<ConcurrencyLimiter, HeldResults>()
  const resultsOf = (limiter: ConcurrencyLimiter): HeldResults => {
    const results = byLimiter.get(limiter) ?? new HeldResults(limiter, limits)
    byLimiter.set(limiter, results)
    return results
  }
  return {
    name: 'admit',
    async run(plan, ctx, next) {
      const { source } = plan.query
      const from = performance.now()
      const limiter = limiterOf(source)
      const results = resultsOf(limiter)
      const holder = holderOf(ctx)
      const waiting = ctx.span?.child('queue')
      const acquiring = limiter.acquire(ctx.signal, holder)
      if (limiter.queued > 0) results.watch()
      let release: Release
      try {
        release = await acquiring
        waiting?.end()
      } catch (error) {
        waiting?.end(spanFailure(error))
        throw error
      } finally {
        if (ctx.trace) ctx.trace.queueWaitMs = performance.now() - from
      }
      onWait(source, performance.now() - from)
      const onEnd = (error: unknown) => {
        limiter.onOutcome(error)
        release()
      }
      return await holding(() => next(plan, ctx), results.hold(holder, onEnd))
    },
  }
}
