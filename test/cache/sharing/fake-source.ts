import type { Frame } from '../../../src/arrow/ipc/frame.ts'
import { untilAborted } from '../../../src/async/until-aborted.ts'
import type { MemoryBudget } from '../../../src/cache/sharing/memory-budget.ts'
import type { Context, Result } from '../../../src/query/types.ts'

/** What a fake source does. */
export interface FakeSourceOptions {
  readonly batches: number
  readonly batchBytes?: number
  /** Fails in place of this batch, counted from 0. */
  readonly failAt?: number
  readonly failWith?: Error
  /** Called before the result exists. */
  readonly onStart?: (ctx: Context, run: number) => Promise<void> | void
  /** Called before each batch. */
  readonly onBatch?: (index: number) => Promise<void> | void
  /** Called when a batch is released. */
  readonly onRelease?: (index: number) => void
}

/**
 * A source that counts its runs and reuses the memory of a batch once it is released, as an engine with shared memory does. Batch `n`
 * is filled with the byte `n`, and has `n + 1` rows.
 */
export class FakeSource {
  readonly #options: FakeSourceOptions
  runs = 0
  /** Batches that all runs have produced. */
  produced = 0
  /** Batches that readers have not released. */
  held = 0
  /** Runs that were stopped before their end. */
  stopped = 0
  readonly contexts: Context[] = []

  constructor(options: FakeSourceOptions) {
    this.#options = options
  }

  readonly start = async (ctx: Context): Promise<Result> => {
    const run = ++this.runs
    this.contexts.push(ctx)
    await untilAborted(Promise.resolve(this.#options.onStart?.(ctx, run)), ctx.signal)
    const stats = { rows: 0, bytes: 0, affectedRows: -1 }
    return { schema: this.#frame(255, 0), frames: this.#frames(ctx), stats, metadata: { 'x-engine': 'fake' } }
  }

  #frames(ctx: Context): AsyncIterableIterator<readonly Frame[]> {
    const { batches, failAt, failWith = new Error('broken'), onBatch } = this.#options
    let index = 0
    let isOver = false
    const next = async (): Promise<IteratorResult<readonly Frame[]>> => {
      if (isOver || index === batches) {
        isOver = true
        return { done: true, value: undefined }
      }
      const at = index++
      await untilAborted(Promise.resolve(onBatch?.(at)), ctx.signal)
      if (at === failAt) throw failWith
      this.produced++
      return { done: false, value: [this.#frame(at, at + 1)] }
    }
    return {
      next,
      return: async () => {
        if (!isOver) this.stopped++
        isOver = true
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  #frame(fill: number, rows: number): Frame {
    const half = (this.#options.batchBytes ?? 10) / 2
    const chunks = [Buffer.alloc(Math.floor(half), fill), Buffer.alloc(Math.ceil(half), fill)]
    this.held++
    let isReleased = false
    const release = () => {
      if (isReleased) throw new Error('released twice')
      isReleased = true
      this.held--
      for (const chunk of chunks) chunk.fill(0xee)
      if (fill !== 255) this.#options.onRelease?.(fill)
    }
    return { chunks, byteLength: 2 * half, rows, release }
  }
}

/** Reads one batch, checks that it is intact, and releases it; -1 at the end. Returns its number. */
export async function nextBatch(frames: AsyncIterator<readonly Frame[]>): Promise<number> {
  const next = await frames.next()
  if (next.done) return -1
  const [frame] = next.value
  const fill = frame!.chunks[0]![0]!
  for (const chunk of frame!.chunks)
    if (chunk.some((byte) => byte !== fill)) throw new Error('the memory of a batch was reused')
  if (frame!.rows !== fill + 1) throw new Error('the rows are not those of the batch')
  frame!.release?.()
  return fill
}

export function iterate({ frames }: Result): AsyncIterator<readonly Frame[]> {
  return frames[Symbol.asyncIterator]()
}

/** Reads a result to its end. Returns the numbers of its batches. */
export async function batchesOf(result: Result): Promise<number[]> {
  const frames = iterate(result)
  const numbers: number[] = []
  for (;;) {
    const number = await nextBatch(frames)
    if (number < 0) return numbers
    numbers.push(number)
  }
}

/** The numbers from 0 to `length` - 1. */
export const upTo = (length: number) => Array.from({ length }, (_, i) => i)

/** A budget that counts. */
export class CountedMemory implements MemoryBudget {
  readonly #maxBytes: number
  used = 0
  most = 0

  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes
  }

  reserve(bytes: number): boolean {
    if (this.used + bytes > this.#maxBytes) return false
    this.used += bytes
    this.most = Math.max(this.most, this.used)
    return true
  }

  release(bytes: number): void {
    this.used -= bytes
    if (this.used < 0) throw new Error('more was released than reserved')
  }
}
