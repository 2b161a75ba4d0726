import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result } from '../../../query/types.ts'
import { readTable } from './read-table.ts'

/** Dremio's column with the number of changed rows, in lower case. */
const COUNT_COLUMN = 'records'
/** A larger result, per statement, is not a row count. */
const MAX_BYTES = 64 << 10

/**
 * Reads the row counts that statements return as tables after they changed data, sets `affectedRows` and returns the result
 * unchanged. A table without a count column, as for DDL, counts as no rows.
 *
 * Do not call this inside work that is retried: the statements may have changed data.
 * @param statements number of statements, whose tables follow each other in the result
 * @throws GatewayError with the number of rows changed before the failure; UPSTREAM_DATA when the table is malformed
 */
export async function countedResult(result: Result, statements = 1): Promise<Result> {
  const read: (readonly Frame[])[] = []
  const count = () => countIn([result.schema, ...read.flat()])
  const frames = result.frames[Symbol.asyncIterator]()
  let bytes = 0
  try {
    let next = await frames.next()
    while (!next.done) {
      read.push(next.value)
      for (const { byteLength } of next.value) bytes += byteLength
      if (bytes > MAX_BYTES * statements) break
      next = await frames.next()
    }
    if (next.done) result.stats.affectedRows = await count()
  } catch (error) {
    if (error instanceof GrpcFailure) throw new GatewayError('UPSTREAM_DATA', undefined, { cause: error })
    const before = error instanceof GatewayError ? await count().catch(() => 0) : 0
    throw before > 0 ? withChangesBefore(error as GatewayError, before) : error
  }
  return { ...result, frames: following(read, frames) }
}

async function* following(read: readonly (readonly Frame[])[], rest: AsyncIterator<readonly Frame[]>) {
  try {
    yield* read
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

/** Sums the count column. @throws GrpcFailure DATA_LOSS */
async function countIn(frames: readonly Frame[]): Promise<number> {
  const messages = frames.map(({ chunks }) => Buffer.concat(chunks))
  return await readTable(messages, (table) => {
    const column = table.schema.fields.findIndex(({ name }) => name.toLowerCase() === COUNT_COLUMN)
    let count = 0
    for (const value of (column >= 0 && table.getChildAt(column)) || [])
      if (typeof value === 'bigint' || typeof value === 'number') count += Number(value)
    return count
  })
}

/** Adds the rows that stay changed to the message, because the client must know them before it retries. */
function withChangesBefore(error: GatewayError, rows: number): GatewayError {
  const { code, message, cause, position, retryAfterMs, metadata } = error
  return new GatewayError(code, `Rows changed before the failure, which stay changed: ${rows}. ${message}`, {
    cause,
    ...(position && { position }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(metadata && { metadata }),
  })
}
