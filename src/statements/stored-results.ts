import { type Frame, frameOf } from '../arrow/ipc/frame.ts'
import { FramePacker, unpackFrames } from '../arrow/ipc/packed-frames.ts'
import { encodeSchema } from '../arrow/schema.ts'
import { GatewayError } from '../query/errors.ts'
import type { Pipeline } from '../query/pipeline.ts'
import type { Router } from '../query/router.ts'
import type { Source } from '../query/source.ts'
import type { Transactions } from '../query/transactions/transactions.ts'
import type { Context, PlannedSql, Result } from '../query/types.ts'
import type { Blobs } from '../state/blobs.ts'
import { unlessDown } from '../state/unless-down.ts'
import { hasReturning } from './has-returning.ts'
import { keys } from './keys.ts'

/** Bound of what a statement that changes data may return (RETURNING). */
const MAX_STORED_RESULT_BYTES = 16 << 20
/** Bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })

/** What results are kept with. */
export interface StoredResultDependencies {
  readonly pipeline: Pipeline
  readonly router: Router
  readonly transactions: Transactions
  readonly blobs: Blobs
  /** How long a result is kept, in milliseconds: as long as a ticket lives. */
  readonly ttlMs: number
}

/** Results of statements that have run before their clients fetch them, since they change data and must run once. */
export class StoredResults {
  readonly #deps: StoredResultDependencies

  constructor(deps: StoredResultDependencies) {
    this.#deps = deps
  }

  /**
   * Runs a statement that changes data and keeps its result under the id of its execution. One whose rows are too many
   * changes nothing where the source has transactions.
   * @throws GatewayError as the pipeline, TOO_LARGE
   */
  async runAndKeep(statement: PlannedSql, ctx: Context, id: string): Promise<void> {
    const { pipeline, router } = this.#deps
    const run = async (within: PlannedSql) => await packResult(await pipeline.run(within, ctx), MAX_STORED_RESULT_BYTES)
    const source = router.named(statement.query.source)
    const packed = await ((await mayBeUndone(source, statement, ctx))
      ? this.#inTransaction(source, statement, ctx, run)
      : run(statement))
    await this.#keep(packed, ctx, id)
  }

  /** Keeps the result, without columns and rows, of a statement that the gateway itself has carried out. */
  async keepNothing(ctx: Context, id: string): Promise<void> {
    const packer = new FramePacker(MAX_STORED_RESULT_BYTES)
    packer.add(frameOf(noColumns, new Uint8Array(0), 0))
    await this.#keep(packer.finish(), ctx, id)
  }

  /** Whether the result of an execution is kept. */
  async has(id: string): Promise<boolean> {
    return (await this.#deps.blobs.get(keys.result(id))) !== undefined
  }

  /** The frames of a result, its schema first. @throws GatewayError EXPIRED_TICKET when it is no longer kept */
  async read(id: string): Promise<readonly Frame[]> {
    const packed = await this.#deps.blobs.get(keys.result(id))
    if (!packed) throw noLongerKept()
    return unpackFrames(packed)
  }

  /** Keeps a result unless the store is down: an error would have clients repeat a change that was made. */
  async #keep(packed: Buffer, { principal }: Context, id: string): Promise<void> {
    const { blobs, ttlMs } = this.#deps
    await unlessDown(blobs.set(keys.result(id), packed, ttlMs, principal.name), undefined)
  }

  async #inTransaction(
    source: Source,
    statement: PlannedSql,
    ctx: Context,
    run: (within: PlannedSql) => Promise<Buffer>,
  ): Promise<Buffer> {
    const { transactions } = this.#deps
    const transaction = await transactions.begin({ source, readOnly: false }, ctx)
    try {
      const packed = await run({ ...statement, query: { ...statement.query, transaction } })
      await transactions.commit(transaction, ctx)
      return packed
    } catch (error) {
      await transactions.rollback(transaction, ctx).catch(() => {})
      if (error instanceof GatewayError && error.code === 'TOO_LARGE')
        throw new GatewayError('TOO_LARGE', `${error.message} Nothing was changed: return less.`, { cause: error })
      throw error
    }
  }
}

/** The statement has run, and cannot run again. */
export function noLongerKept(): GatewayError {
  return new GatewayError('EXPIRED_TICKET', 'The statement has run; its result is no longer kept.')
}

/** Whether a statement can be run in a transaction of its own: what an upstream has planned already belongs to none. */
async function mayBeUndone({ transactions }: Source, { query, handle }: PlannedSql, ctx: Context): Promise<boolean> {
  if (transactions === undefined || query.transaction !== undefined || handle !== undefined) return false
  return await hasReturning(query.sql, ctx)
}

/**
 * Reads a small result, a count or the rows of RETURNING, to its end as one block of bytes.
 * @throws GatewayError TOO_LARGE above `maxBytes`
 */
async function packResult(result: Result, maxBytes: number): Promise<Buffer> {
  const packer = new FramePacker(maxBytes)
  let fits = true
  const add = (frame: Frame) => {
    fits &&= packer.add(frame)
    frame.release?.()
  }
  add(result.schema)
  for await (const frames of result.frames) for (const frame of frames) add(frame)
  if (!fits) throw new GatewayError('TOO_LARGE', `The rows that the statement returns are above ${maxBytes} bytes.`)
  return packer.finish()
}
