import type { Frame } from '../../arrow/frame.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context, Result, Runnable } from '../../query/types.ts'
import type { FlightFront } from './front.ts'

const LENGTH_BYTES = 4
/** Bound of what a statement that changes data may return (RETURNING). */
const MAX_STORED_RESULT_BYTES = 16 << 20

/** The key under which the result of a statement that has already run is kept. */
export function storedResultKey(id: string): string {
  return `result:${id}`
}

/**
 * Runs a statement that changes data and keeps its result for as long as a ticket lives.
 * @throws GatewayError as the pipeline, TOO_LARGE
 */
export async function runAndKeep(front: FlightFront, runnable: Runnable, ctx: Context, id: string): Promise<void> {
  const result = await front.pipeline.run(runnable, ctx)
  const packed = await packResult(result, MAX_STORED_RESULT_BYTES)
  await front.store.set(storedResultKey(id), packed, front.limits.ticketTtlMs)
}

/**
 * Reads a small result, a count or the rows of RETURNING, to its end as one block of bytes.
 * @throws GatewayError TOO_LARGE above `maxBytes`
 */
export async function packResult(result: Result, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let total = 0
  const add = (frame: Frame) => {
    total += LENGTH_BYTES + frame.byteLength
    if (total <= maxBytes) {
      const length = Buffer.allocUnsafe(LENGTH_BYTES)
      length.writeUInt32LE(frame.byteLength)
      parts.push(length, ...frame.chunks.map((chunk) => Uint8Array.prototype.slice.call(chunk)))
    }
    frame.release?.()
  }
  add(result.schema)
  for await (const frames of result.frames) for (const frame of frames) add(frame)
  if (total > maxBytes)
    throw new GatewayError('TOO_LARGE', `The statement ran, but the rows it returns are above ${maxBytes} bytes.`)
  return Buffer.concat(parts)
}

/** The frames of a packed result, in order. */
export function* unpackResult(packed: Uint8Array): Generator<Frame> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const byteLength = bytes.readUInt32LE(at)
    at += LENGTH_BYTES
    yield { chunks: [bytes.subarray(at, at + byteLength)], byteLength, rows: -1 }
    at += byteLength
  }
}
