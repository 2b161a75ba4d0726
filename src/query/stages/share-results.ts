import { LRUCache } from 'lru-cache'
import { unpackFrames } from '../../arrow/ipc/packed-frames.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import type { Stage } from '../pipeline.ts'
import { RecordedFrames } from '../results/record.ts'
import type { Context, PlannedStatement, Result } from '../types.ts'

/** Keeps bytes by key for a while. A store that fails counts as one that has kept nothing. */
export interface ResultStore {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
}

/** Which statements share a result, and how long it is kept. */
export interface Sharing {
  /** Name of the stage. */
  readonly name: string
  /**
   * Statements with the same key give the same rows, to each principal that the key admits; undefined for a statement that
   * shares nothing.
   */
  keyOf(plan: PlannedStatement, ctx: Context): string | undefined
  /** Time for which the store keeps a result, in milliseconds; with 0 only statements that run at the same time share it. */
  ttlOf(plan: PlannedStatement): number
  /** Size of a result that is shared; 0 shares none. */
  readonly maxBytes: number
  /** Time for which a statement waits for another that runs with its key; then it runs itself. */
  readonly waitMs: number
  readonly store: ResultStore
}

/** Keys that are remembered because their result was too large to share. */
const MAX_LARGE = 10_000

/**
 * Runs one of the statements that have the same key and gives its rows to the others: to those that arrive while it runs, and
 * to later ones for as long as the store keeps the result. A result that is too large to share is run for each statement.
 */
export function shareResults({ name, keyOf, ttlOf, maxBytes, waitMs, store }: Sharing): Stage {
  /** What runs, by key; each promise gives the packed result, or undefined when there is none to share. */
  const running = new Map<string, Promise<Uint8Array | undefined>>()
  const large = new LRUCache<string, true>({ max: MAX_LARGE })

  /** What another statement gave, or is about to give; undefined when there is nothing, or not in time. */
  const find = async (key: string, ttlMs: number, maxWaitMs: number, signal: AbortSignal) => {
    const other = running.get(key)
    const shared = other && maxWaitMs > 0 ? await within(other, maxWaitMs, signal) : undefined
    return shared ?? (ttlMs > 0 && !large.has(key) ? await store.get(key).catch(() => undefined) : undefined)
  }

  return {
    name,
    async run(plan, ctx, next) {
      const key = maxBytes > 0 ? keyOf(plan, ctx) : undefined
      if (key === undefined) return await next(plan, ctx)
      const ttlMs = ttlOf(plan)
      const until = performance.now() + waitMs
      do {
        const shared = await find(key, ttlMs, until - performance.now(), ctx.signal)
        if (shared) return resultOf(shared)
        if (large.has(key)) return await next(plan, ctx)
        // Another statement may have begun meanwhile.
      } while (running.has(key) && performance.now() < until)
      const { promise: over, resolve } = Promise.withResolvers<Uint8Array | undefined>()
      running.set(key, over)
      const settle = (packed: Uint8Array | undefined) => {
        if (running.get(key) === over) running.delete(key)
        resolve(packed)
      }
      try {
        const result = await next(plan, ctx)
        const frames = new RecordedFrames(result, maxBytes, async (packed, tooLarge) => {
          if (tooLarge) large.set(key, true)
          // A result that the store does not keep is run again.
          if (packed && ttlMs > 0) await store.set(key, packed, ttlMs).catch(() => {})
          settle(packed)
        })
        return { ...result, frames: { [Symbol.asyncIterator]: () => frames } }
      } catch (error) {
        settle(undefined)
        throw error
      }
    },
  }
}

/** Waits for another statement's result for so long; undefined when there is none by then. @throws the signal's reason */
async function within(
  other: Promise<Uint8Array | undefined>,
  maxMs: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(maxMs))])
  try {
    return await untilAborted(other, patience)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

function resultOf(packed: Uint8Array): Result {
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
