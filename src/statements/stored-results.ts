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

/** Maximum size of the rows that a statement that changes data returns (RETURNING), in bytes. */
const MAX_STORED_RESULT_BYTES = 16 << 20
/** Larger results are kept in the shared state; smaller ones are sealed into the ticket. */
const MAX_INLINE_BYTES = 4096
/** Bare flatbuffer `Message`. */
export const noColumns = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [] })

/** Dependencies of `StoredResults`. */
export interface StoredResultDependencies {
  readonly pipeline: Pipeline
  readonly router: Router
  readonly transactions: Transactions
  readonly blobs: Blobs
  /** A result lives as long as a ticket. */
  readonly limits: { readonly ticketTtlMs: number }
}

/** The result of a statement that has run, packed, if it is small enough for the ticket. */
export interface TicketRows {
  readonly rows?: Uint8Array
}

/** Results of statements that change data. Such a statement runs once, before its client fetches the result. */
export class StoredResults {
  readonly #deps: StoredResultDependencies

  constructor(deps: StoredResultDependencies) {
    this.#deps = deps
  }

  /**
   * Runs a statement that changes data and stores its result under the execution's id. If the returned rows are too large and the
   * source has transactions, the statement is rolled back.
   * @throws GatewayError as the pipeline, TOO_LARGE
   */
  async runAndKeep(statement: PlannedSql, ctx: Context, id: string): Promise<void> {
    await this.#keep(await this.#run(statement, ctx), ctx, id)
  }

  /**
   * As `runAndKeep`, for a ticket that is not made yet: a small result becomes part of it, so that the client gets it also while
   * the shared state is down.
   */
  async runForTicket(statement: PlannedSql, ctx: Context, id: string): Promise<TicketRows> {
    const packed = await this.#run(statement, ctx)
    if (packed.byteLength <= MAX_INLINE_BYTES) return { rows: packed }
    await this.#keep(packed, ctx, id)
    return {}
  }

  async #run(statement: PlannedSql, ctx: Context): Promise<Buffer> {
    const { pipeline, router } = this.#deps
    const run = async (within: PlannedSql) => await packResult(await pipeline.run(within, ctx), MAX_STORED_RESULT_BYTES)
    const source = router.ofQuery(statement.query)
    return await ((await needsTransaction(source, statement, ctx))
      ? this.#inTransaction(source, statement, ctx, run)
      : run(statement))
  }

  /** An empty result, without columns, for a statement that the gateway itself has executed. */
  get empty(): TicketRows {
    const packer = new FramePacker(MAX_INLINE_BYTES)
    packer.add(frameOf(noColumns, new Uint8Array(0), 0))
    return { rows: packer.finish() }
  }

  /** Whether the result of an execution is still stored. */
  async has(id: string): Promise<boolean> {
    return (await this.#deps.blobs.get(keys.result(id))) !== undefined
  }

  /**
   * Returns the frames of a ticket's result, schema first.
   * @throws GatewayError EXPIRED_TICKET when the result is no longer stored; STATE_UNAVAILABLE
   */
  async read({ id, rows }: { readonly id: string } & TicketRows): Promise<readonly Frame[]> {
    const packed = rows ?? (await this.#stored(id))
    if (!packed) throw noLongerKept()
    return unpackFrames(packed)
  }

  async #stored(id: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#deps.blobs.get(keys.result(id))
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'STATE_UNAVAILABLE') throw error
      const text =
        'The statement has run; its rows cannot be read now. Redeem the ticket again: do not run the statement again.'
      throw new GatewayError('STATE_UNAVAILABLE', text, { cause: error })
    }
  }

  /** Stores a result. Ignores a store that is down: an error would make clients repeat a change that was made. */
  async #keep(packed: Buffer, { principal }: Context, id: string): Promise<void> {
    const { blobs, limits } = this.#deps
    await unlessDown(blobs.set(keys.result(id), packed, limits.ticketTtlMs, principal.name), undefined)
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

/** The error for a statement that changed data and whose result has expired: it must not run again. */
export function noLongerKept(): GatewayError {
  return new GatewayError('EXPIRED_TICKET', 'The statement has run; its result is no longer kept.')
}

/** Whether to run a statement in its own transaction. A statement that an upstream has planned (`handle`) cannot join one. */
async function needsTransaction(
  { transactions }: Source,
  { query, handle }: PlannedSql,
  ctx: Context,
): Promise<boolean> {
  if (transactions === undefined || query.transaction !== undefined || handle !== undefined) return false
  return await hasReturning(query.sql, ctx)
}

/**
 * Reads a small result (a count, or the rows of RETURNING) to its end and packs it into one buffer.
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
