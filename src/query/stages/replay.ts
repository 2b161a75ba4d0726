import type { Frame } from '../../arrow/frame.ts'
import { FramePacker, unpackFrames } from '../../arrow/packed-frames.ts'
import type { Stage } from '../pipeline.ts'
import type { Result } from '../types.ts'

/** Keeps bytes by key for a while. */
export interface Keeper {
  get(key: string): Promise<Uint8Array | undefined>
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
}

/** What is kept. */
export interface ReplayLimits {
  /** Size of a result that is kept; 0 keeps none. */
  readonly maxRepeatableResultBytes: number
  /** How long, since no ticket is good for longer. */
  readonly ticketTtlMs: number
}

/**
 * Gives whoever runs an execution again, as clients do that retry, the rows that it gave before. A result is kept once it
 * has been read to its end, if it is small; a larger one is run again.
 */
export function replay(keeper: Keeper, { maxRepeatableResultBytes: maxBytes, ticketTtlMs }: ReplayLimits): Stage {
  return {
    name: 'replay',
    async run(plan, ctx, next) {
      const { execution, isUpdate, query } = plan
      if (execution === undefined || isUpdate || query.transaction !== undefined || maxBytes === 0)
        return await next(plan, ctx)
      const key = `rows:${execution}`
      const kept = await keeper.get(key)
      if (kept) return keptResult(kept)
      const result = await next(plan, ctx)
      const recorder = new Recorder(result, maxBytes, (packed) => keeper.set(key, packed, ticketTtlMs))
      return { ...result, frames: { [Symbol.asyncIterator]: () => recorder } }
    },
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

/** Copies a result while it is read, as long as it is small. */
class Recorder implements AsyncIterator<readonly Frame[]> {
  readonly #inner: AsyncIterator<readonly Frame[]>
  readonly #keep: (packed: Uint8Array) => Promise<void>
  readonly #packer: FramePacker
  #fits: boolean

  constructor({ schema, frames }: Result, maxBytes: number, keep: (packed: Uint8Array) => Promise<void>) {
    this.#inner = frames[Symbol.asyncIterator]()
    this.#keep = keep
    this.#packer = new FramePacker(maxBytes)
    this.#fits = this.#packer.add(schema)
  }

  async next(): Promise<IteratorResult<readonly Frame[]>> {
    const next = await this.#inner.next()
    if (!this.#fits) return next
    if (next.done) {
      this.#fits = false
      await this.#keep(this.#packer.finish())
    } else for (const frame of next.value) this.#fits &&= this.#packer.add(frame)
    return next
  }

  async return(): Promise<IteratorResult<readonly Frame[]>> {
    this.#fits = false
    await this.#inner.return?.()
    return { done: true, value: undefined }
  }
}
