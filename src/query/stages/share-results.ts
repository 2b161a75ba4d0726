import { LRUCache } from 'lru-cache'
import { unpackFrames } from '../../arrow/ipc/packed-frames.ts'
import { untilAborted } from '../../async/until-aborted.ts'
import type { Stage } from '../pipeline.ts'
import { RecordedFrames } from '../results/record.ts'
import type { Context, PlannedStatement, Result } from '../types.ts'

/** Stores packed results by key, with a time to live. A failing store counts as empty. */
export interface ResultStore {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
}

/** Defines which statements share a result, and its time to live. */
export interface Sharing {
  /** Name of the stage. */
  readonly name: string
  /**
   * Returns the sharing key. Statements with the same key return the same rows to each principal that the key admits. Undefined
   * for a statement that must not share.
   */
  keyOf(plan: PlannedStatement, ctx: Context): string | undefined
  /** Time to live of a stored result, in milliseconds; with 0, only concurrent statements share the result. */
  ttlOf(plan: PlannedStatement): number
  /** Maximum size of a shared result; 0 shares none. */
  readonly maxBytes: number
  /** How long a statement waits for a running one with the same key, in milliseconds; then it runs itself. */
  readonly waitMs: number
  readonly store: ResultStore
}

/** Number of remembered keys whose result was too large to share. */
const MAX_LARGE = 10_000

/**
 * Runs one statement per key and shares its rows: with statements that arrive while it runs, and with later ones while the store
 * has the result. If the result is too large to share, each statement runs itself.
 */
export function shareResults(sharing: Sharing): Stage {
  const { name, keyOf, ttlOf, store } = sharing
  /** Running statements by key. Each promise resolves to the packed result, or undefined if there is none to share. */
  const running = new Map<string, Promise<Uint8Array | undefined>>()
  const large = new LRUCache<string, true>({ max: MAX_LARGE })

  /** Finds the shared result of a running or finished statement; undefined if there is none in time. */
  const find = async (key: string, ttlMs: number, maxWaitMs: number, signal: AbortSignal) => {
    const other = running.get(key)
    const shared = other && maxWaitMs > 0 ? await within(other, maxWaitMs, signal) : undefined
    return shared ?? (ttlMs > 0 && !large.has(key) ? await store.get(key).catch(() => undefined) : undefined)
  }

  return {
    name,
    async run(plan, ctx, next) {
      const key = sharing.maxBytes > 0 ? keyOf(plan, ctx) : undefined
      if (key === undefined) return await next(plan, ctx)
      const ttlMs = ttlOf(plan)
      const until = performance.now() + sharing.waitMs
      do {
        const shared = await find(key, ttlMs, until - performance.now(), ctx.signal)
        if (shared) {
          if (ctx.trace) ctx.trace.isShared = true
          return resultOf(shared)
        }
        if (large.has(key)) return await next(plan, ctx)
        // Another statement with this key may have started in the meantime.
      } while (running.has(key) && performance.now() < until)
      const { promise: shared, resolve } = Promise.withResolvers<Uint8Array | undefined>()
      running.set(key, shared)
      const settle = (packed: Uint8Array | undefined) => {
        if (running.get(key) === shared) running.delete(key)
        resolve(packed)
      }
      try {
        const result = await next(plan, ctx)
        const frames = new RecordedFrames(result, sharing.maxBytes, async (packed, tooLarge) => {
          if (tooLarge) large.set(key, true)
          // If the store fails, the next statement runs again.
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

/** Waits up to `maxMs` for another statement's result; undefined if there is none in time. @throws the signal's reason */
async function within(
  other: Promise<Uint8Array | undefined>,
  maxMs: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(maxMs))])
  try {
    return await untilAborted(other, limited)
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
