import { tableFromIPC } from 'apache-arrow'
import { readFrame } from '../../arrow/flight-data.ts'
import type { Frame } from '../../arrow/frame.ts'
import { type IpcMessage, joinStream } from '../../arrow/ipc.ts'
import type { Result } from '../../query/types.ts'

/** Name that Dremio gives to the number of rows which a statement has changed. */
const COUNT_COLUMN = 'records'
/** Above this it is no count. */
const MAX_BYTES = 64 << 10

/**
 * The result of a statement that changes data and answers with a table that holds the number of rows: read to its end, so
 * that the number is known, and then handed on as it was. A table without such a column, as for DDL, counts as no rows.
 */
export async function countedResult(result: Result): Promise<Result> {
  const read: (readonly Frame[])[] = []
  const frames = result.frames[Symbol.asyncIterator]()
  let bytes = 0
  let next = await frames.next()
  while (!next.done) {
    read.push(next.value)
    for (const { byteLength } of next.value) bytes += byteLength
    if (bytes > MAX_BYTES) break
    next = await frames.next()
  }
  if (next.done) result.stats.affectedRows = countIn([result.schema, ...read.flat()])
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

function countIn(frames: readonly Frame[]): number {
  const messages = frames.map((frame): IpcMessage => {
    const { header, body } = readFrame(frame)
    return { header, body: Uint8Array.from(body) }
  })
  const table = tableFromIPC(joinStream(messages))
  const column = table.schema.fields.findIndex(({ name }) => name.toLowerCase() === COUNT_COLUMN)
  const value = column >= 0 && table.numRows === 1 ? table.getChildAt(column)?.get(0) : undefined
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : 0
}
