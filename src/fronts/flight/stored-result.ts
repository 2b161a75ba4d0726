import type { Frame } from '../../arrow/frame.ts'
import { FramePacker } from '../../arrow/packed-frames.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context, Result, Runnable } from '../../query/types.ts'
import type { FlightFront } from './front.ts'

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
  await front.blobs.set(storedResultKey(id), packed, front.limits.ticketTtlMs, ctx.principal.name)
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
  if (!fits)
    throw new GatewayError('TOO_LARGE', `The statement ran, but the rows it returns are above ${maxBytes} bytes.`)
  return packer.finish()
}
