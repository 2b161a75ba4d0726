import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Result } from '../../../query/types.ts'
import { readTable } from './read-table.ts'

/** Name that Dremio gives to the number of rows which a statement has changed. */
const COUNT_COLUMN = 'records'
/** Above this for each statement it is no count. */
const MAX_BYTES = 64 << 10

/**
 * The result of statements that change data and answer with tables that hold the number of rows: read to its end, so that
 * the number is known, and then handed on as it was. A table without such a column, as for DDL, counts as no rows.
 *
 * Not for where work is tried again: the statements may have changed something.
 * @param statements how many the result is of, one after another
 * @throws GatewayError that tells what had been changed before; UPSTREAM_DATA when the table cannot be read
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

/** The sum of the numbers, a row each. @throws GrpcFailure DATA_LOSS */
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

/** Whoever tries again must know that a part is done. */
function withChangesBefore(error: GatewayError, rows: number): GatewayError {
  const { code, message, cause, position, retryAfterMs, metadata } = error
  return new GatewayError(code, `Rows changed before it failed, which stay: ${rows}. ${message}`, {
    cause,
    ...(position && { position }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(metadata && { metadata }),
  })
}
