import { LRUCache } from 'lru-cache'
import { unpackFrames } from '../../arrow/ipc/packed-frames.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import type { Stage } from '../pipeline.ts'
import { RecordedFrames } from '../results/record.ts'
import type { Result } from '../types.ts'

/** Keeps bytes by key for a while. */
export interface ResultStore {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
}

/** What is kept. */
export interface ReplayLimits {
  /** Size of a result that is kept; 0 keeps none. */
  readonly maxRepeatableResultBytes: number
  /** How long, since no ticket is good for longer. */
  readonly ticketTtlMs: number
  /** How long one waits for another who runs the same; from then on it runs twice. */
  readonly queueWaitMs: number
}

/** Executions that are remembered as having given too much to keep. */
const MAX_LARGE = 10_000

/**
 * Gives whoever runs an execution again, as clients do that retry, the rows that it gave before, and whoever runs it at the same
 * time the same rows. A result is kept if it is small; a larger one is run again.
 */
export function replay(
  keeper: ResultStore,
  { maxRepeatableResultBytes: maxBytes, ticketTtlMs, queueWaitMs }: ReplayLimits,
): Stage {
  const running = new Map<string, Promise<void>>()
  const large = new LRUCache<string, true>({ max: MAX_LARGE })
  return {
    name: 'replay',
    async run(plan, ctx, next) {
      const isRepeatable = plan.kind === 'read' && plan.query.transaction === undefined
      const execution = isRepeatable ? plan.execution : undefined
      if (execution === undefined || maxBytes === 0) return await next(plan, ctx)
      const key = `rows:${execution}`
      let mayWait = true
      for (;;) {
        if (mayWait && running.has(key)) mayWait = await untilFree(running, key, ctx.signal, queueWaitMs)
        if (large.has(key)) return await next(plan, ctx)
        const kept = await keeper.get(key)
        if (kept) return keptResult(kept)
        // Others, who came at the same moment, may have begun meanwhile.
        if (!mayWait || !running.has(key)) break
      }
      const { promise: over, resolve } = Promise.withResolvers<void>()
      running.set(key, over)
      const settle = () => {
        if (running.get(key) === over) running.delete(key)
        resolve()
      }
      try {
        const result = await next(plan, ctx)
        const frames = new RecordedFrames(result, maxBytes, async (packed, tooLarge) => {
          if (tooLarge) large.set(key, true)
          // What cannot be kept is run again.
          if (packed) await keeper.set(key, packed, ticketTtlMs).catch(() => {})
          settle()
        })
        return { ...result, frames: { [Symbol.asyncIterator]: () => frames } }
      } catch (error) {
        settle()
        throw error
      }
    },
  }
}

/** Waits while somebody runs the same, for a time; false when that is over. @throws the signal's reason */
async function untilFree(
  running: ReadonlyMap<string, Promise<void>>,
  key: string,
  signal: AbortSignal,
  maxMs: number,
): Promise<boolean> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(maxMs)])
  try {
    for (let first = running.get(key); first; first = running.get(key)) await untilAborted(first, patience)
    return true
  } catch {
    signal.throwIfAborted()
    return false
  }
}

function keptResult(packed: Uint8Array): Result {
  const [schema, ...frames] = unpackFrames(packed)
  const rows = frames.reduce((sum, frame) => sum + Math.max(0, frame.rows), 0)
  return {
    schema: schema!,
    frames: (async function* () {
      if (frames.length > 0) yield frames
    })(),
    stats: { rows, bytes: packed.byteLength, affectedRows: -1 },
  }
}
