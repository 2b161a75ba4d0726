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
      const release = await slotsOf(source).acquire(ctx.signal)
      onWait(source, performance.now() - from)
      try {
        return observeResult(await next(plan, ctx), { onEnd: release })
      } catch (error) {
        release()
        throw error
      }
    },
  }
}
