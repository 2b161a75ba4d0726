import { observeResult } from '../observed-result.ts'
import type { Stage } from '../pipeline.ts'
import type { Slots } from '../slots.ts'

/**
 * Lets so many statements of a source run at once; the others wait in line. A slot is held until the result has been
 * read, since that is how long the engine works for it.
 *
 * @param slotsOf the gate of a source, by name
 * @param onWait told how long a statement waited for its slot, in milliseconds
 */
export function admit(
  slotsOf: (source: string) => Slots,
  onWait: (source: string, queueWaitMs: number) => void,
): Stage {
  return {
    name: 'admit',
    async run(plan, ctx, next) {
      const { source } = plan.query
      const from = performance.now()
      const slots = slotsOf(source)
      const release = await slots.acquire(ctx.signal)
      onWait(source, performance.now() - from)
      const end = (error: unknown) => {
        slots.onOutcome(error)
        release()
      }
      try {
        return observeResult(await next(plan, ctx), { onEnd: end })
      } catch (error) {
        end(error)
        throw error
      }
    },
  }
}
