import { type Frame, frameOf } from '../arrow/ipc/frame.ts'
import { FramePacker } from '../arrow/ipc/packed-frames.ts'
import { encodeSchema } from '../arrow/schema.ts'
import { GatewayError } from '../query/errors.ts'
import type { Pipeline } from '../query/pipeline.ts'
import type { Router } from '../query/router.ts'
import type { Source } from '../query/source.ts'
import type { Transactions } from '../query/transactions/transactions.ts'
import type { Context, PlannedSql, Result } from '../query/types.ts'
import type { Blobs } from '../state/blobs.ts'
import { hasReturning } from './has-returning.ts'

/** Bound of what a statement that changes data may return (RETURNING). */
const MAX_STORED_RESULT_BYTES = 16 << 20
/** Bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })

interface RunsAndKeeps {
  readonly pipeline: Pipeline
  readonly router: Router
  readonly transactions: Transactions
  readonly blobs: Blobs
  readonly limits: { readonly ticketTtlMs: number }
}

/** The key under which the result of a statement that has already run is kept. */
export function storedResultKey(id: string): string {
  return `result:${id}`
}

/**
 * Runs a statement that changes data and keeps its result for as long as a ticket lives. One whose rows are too many changes
 * nothing where the source has transactions.
 * @throws GatewayError as the pipeline, TOO_LARGE
 */
export async function runAndKeep(front: RunsAndKeeps, runnable: PlannedSql, ctx: Context, id: string): Promise<void> {
  const run = async (within: PlannedSql) =>
    await packResult(await front.pipeline.run(within, ctx), MAX_STORED_RESULT_BYTES)
  const source = front.router.named(runnable.query.source)
  const packed = await ((await mayBeUndone(source, runnable, ctx))
    ? inTransaction(front, source, runnable, ctx, run)
    : run(runnable))
  await front.blobs.set(storedResultKey(id), packed, front.limits.ticketTtlMs, ctx.principal.name)
}

/** Whether a statement can be run in a transaction of its own: what an upstream has planned already belongs to none. */
async function mayBeUndone({ transactions }: Source, { query, handle }: PlannedSql, ctx: Context): Promise<boolean> {
  if (transactions === undefined || query.transaction !== undefined || handle !== undefined) return false
  return await hasReturning(query.sql, ctx)
}

async function inTransaction(
  front: RunsAndKeeps,
  source: Source,
  runnable: PlannedSql,
  ctx: Context,
  run: (within: PlannedSql) => Promise<Buffer>,
): Promise<Buffer> {
  const transaction = await front.transactions.begin({ source, readOnly: false }, ctx)
  try {
    const packed = await run({ ...runnable, query: { ...runnable.query, transaction } })
    await front.transactions.commit(transaction, ctx)
    return packed
  } catch (error) {
    await front.transactions.rollback(transaction, ctx).catch(() => {})
    if (error instanceof GatewayError && error.code === 'TOO_LARGE')
      throw new GatewayError('TOO_LARGE', `${error.message} Nothing was changed: return less.`, { cause: error })
    throw error
  }
}

/** Keeps the result, without columns and rows, of a statement that the gateway itself has carried out. */
export async function keepNothing(
  front: Pick<RunsAndKeeps, 'blobs' | 'limits'>,
  ctx: Context,
  id: string,
): Promise<void> {
  const packer = new FramePacker(MAX_STORED_RESULT_BYTES)
  packer.add(frameOf(noColumns, new Uint8Array(0), 0))
  await front.blobs.set(storedResultKey(id), packer.finish(), front.limits.ticketTtlMs, ctx.principal.name)
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
