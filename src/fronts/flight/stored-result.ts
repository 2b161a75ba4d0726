import type { Frame } from '../../arrow/frame.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Result } from '../../query/types.ts'

const LENGTH_BYTES = 4

/**
 * Reads a small result to its end as one block of bytes, to be kept in the state store. Statements that change data run
 * before their ticket is handed out; their result, a count or the rows of RETURNING, waits there to be fetched.
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
