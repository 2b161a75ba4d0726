import type { Frame } from '../../../arrow/ipc/frame.ts'
import { frameOf } from '../../../arrow/ipc/frame.ts'
import type { Context } from '../../../query/types.ts'
import { MergedStreams } from './merged-streams.ts'
import type { StorageClient } from './storage-client.ts'
import { storageError } from './storage-error.ts'
import type { StreamReader } from './stream-reader.ts'

const none = new Uint8Array(0)

/** Rows that are being read by the Storage Read API. */
export interface StorageRead {
  /** The schema as a frame. */
  readonly schema: Frame
  /** The record batches as BigQuery sent them; can be iterated once. Ending the iterator early ends all streams. */
  readonly frames: AsyncIterable<readonly Frame[]>
  /** Number of streams. */
  readonly streams: number
  /** Estimate of the rows; undefined if BigQuery does not tell. */
  readonly estimatedRows: number | undefined
  /** Progress over all streams, from 0 to 1. */
  progress(): number
}

/** The part of a call's context that a read uses. */
export type ReadContext = Pick<Context, 'signal' | 'deadlineAt'>

/** The streams of a read, and what ends them. */
export interface ReadPlan {
  readonly streams: readonly StreamReader[]
  readonly maxStreams: number
  readonly cancel: AbortController
  readonly estimatedRows: number | undefined
}

/**
 * Begins to read streams and waits for the first rows, so that a refusal is known while the rows can still be read by REST.
 * @param schema of the result, a bare flatbuffer `Message`
 * @throws StorageRefused, GatewayError, or the signal's reason
 */
export async function beginRead(
  { streams, maxStreams, cancel, estimatedRows }: ReadPlan,
  client: StorageClient,
  ctx: ReadContext,
  schema: Uint8Array,
): Promise<StorageRead> {
  const maxBytes = Math.floor(client.options.readAheadBytes / 2)
  const merged = new MergedStreams(streams, { maxStreams, maxBytes }, cancel)
  const toError = (error: unknown, hasRows: boolean) => storageError(error, client.source, ctx.deadlineAt, hasRows)
  let first: IteratorResult<readonly Frame[]> | undefined
  try {
    first = await merged.next()
  } catch (error) {
    throw toError(error, false)
  }
  const iterator: AsyncIterator<readonly Frame[]> = {
    next: async () => {
      const begin = first
      first = undefined
      if (begin) return begin
      try {
        return await merged.next()
      } catch (error) {
        throw toError(error, true)
      }
    },
    return: async () => {
      if (first && !first.done) for (const { release } of first.value) release?.()
      first = undefined
      return await merged.return()
    },
  }
  return {
    schema: frameOf(schema, none, 0),
    frames: { [Symbol.asyncIterator]: () => iterator },
    streams: streams.length,
    estimatedRows,
    progress: () => merged.progress,
  }
}
