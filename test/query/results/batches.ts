import type { Frame } from '../../../src/arrow/ipc/frame.ts'
import type { Context, Result } from '../../../src/query/types.ts'

/** A batch of one row with this many bytes. */
export function frame(byteLength = 10): Frame {
  return { chunks: [new Uint8Array(byteLength)], byteLength, rows: 1 }
}

/** A result with this many batches of one row; `ended` reports whether its work was stopped, `failWith` fails it after the last batch. */
export function resultOf(
  batches: number,
  failWith?: Error,
): { readonly result: Result; readonly ended: () => boolean } {
  let at = 0
  let ended = false
  const frames: AsyncIterator<readonly Frame[]> = {
    async next() {
      if (at++ < batches) return { done: false, value: [frame()] }
      if (failWith) throw failWith
      return { done: true, value: undefined }
    },
    async return() {
      ended = true
      return { done: true, value: undefined }
    },
  }
  const stats = { rows: 0, bytes: 0, affectedRows: -1 }
  return { result: { schema: frame(), frames: { [Symbol.asyncIterator]: () => frames }, stats }, ended: () => ended }
}

/** Reads a result to its end; returns its number of rows. */
export async function rowsOf({ frames }: Result): Promise<number> {
  let rows = 0
  for await (const batch of frames) for (const each of batch) rows += each.rows
  return rows
}

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** The context of a call of a principal. */
export function contextOf(name: string, signal = new AbortController().signal): Context {
  return { principal: { name, roles: [] }, signal, deadlineAt: Infinity, requestId: 'request', log }
}
