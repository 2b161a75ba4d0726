import type { Frame } from '../../arrow/ipc/frame.ts'
import type { RecordedResult } from '../recorded-result.ts'

/** Bytes that a buffer may hold beyond what its part of a frame needs. */
const MAX_SLACK_BYTES = 4096

/**
 * The same result without memory that it does not need: a part of a frame may be a view of a much larger buffer, which would
 * stay in memory uncounted. Such parts are copied.
 */
export function compactResult(recorded: RecordedResult): RecordedResult {
  return { ...recorded, schema: compactFrame(recorded.schema), frames: recorded.frames.map(compactFrame) }
}

function compactFrame(frame: Frame): Frame {
  return frame.chunks.some(isWasteful) ? { ...frame, chunks: frame.chunks.map(compactChunk) } : frame
}

function isWasteful({ buffer, byteLength }: Uint8Array): boolean {
  return buffer.byteLength > byteLength * 1.25 + MAX_SLACK_BYTES
}

function compactChunk(chunk: Uint8Array): Uint8Array {
  if (!isWasteful(chunk)) return chunk
  const copy = Buffer.allocUnsafeSlow(chunk.byteLength)
  copy.set(chunk)
  return copy
}
