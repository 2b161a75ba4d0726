import { ArrowError } from '../../../arrow/errors.ts'
import type { ChunkCursor } from '../../../arrow/ipc/chunk-cursor.ts'
import { type Frame, frameOfChunks } from '../../../arrow/ipc/frame.ts'
import { readHeader } from '../../../arrow/ipc/header.ts'
import { CONTINUATION, PREFIX_BYTES } from '../../../arrow/ipc/ipc.ts'
import type { SchemaCheck } from './schema-check.ts'

const ALIGNMENT = 8

/**
 * Reads the record batches of serialized Arrow bytes as frames whose bodies are views. BigQuery sends one encapsulated message
 * each time; some emulators send a whole IPC stream, so schemas, end markers and batches without rows are skipped.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
 * @param byteLength number of bytes of the cursor that belong to the messages
 * @param release called when the bytes of one frame are no longer needed
 * @throws ArrowError for malformed messages, dictionaries and another schema
 */
export function readBatches(
  cursor: ChunkCursor,
  byteLength: number,
  schema: SchemaCheck,
  release: () => void,
): Frame[] {
  const frames: Frame[] = []
  const end = cursor.left - byteLength
  if (end < 0) throw truncated()
  while (cursor.left > end) {
    const header = readPrefixed(cursor, end)
    if (!header) {
      cursor.advance(cursor.left - end)
      break
    }
    const { kind, rows, bodyLength } = readHeader(header)
    if (cursor.left - end < bodyLength) throw truncated()
    if (kind === 'dictionary')
      throw new ArrowError('UNSUPPORTED', 'The message is a dictionary, which BigQuery does not send.')
    if (kind === 'schema') schema.check(header)
    if (kind === 'batch' && rows > 0)
      frames.push(frameOfChunks(header, cursor.views(bodyLength), bodyLength, rows, release))
    else cursor.advance(bodyLength)
    cursor.advance(Math.min(-bodyLength & (ALIGNMENT - 1), cursor.left - end))
  }
  return frames
}

/**
 * Reads the schema with which serialized Arrow bytes begin.
 * @returns a bare flatbuffer `Message`
 * @throws ArrowError MALFORMED
 */
export function readSchema(cursor: ChunkCursor, byteLength: number): Uint8Array {
  const end = cursor.left - byteLength
  if (end < 0) throw truncated()
  const header = readPrefixed(cursor, end)
  if (!header || readHeader(header).kind !== 'schema') throw new ArrowError('MALFORMED', 'There is no Arrow schema.')
  cursor.advance(cursor.left - end)
  return header
}

/** Reads prefix and flatbuffer of the next message; undefined at the end marker of a stream. */
function readPrefixed(cursor: ChunkCursor, end: number): Uint8Array | undefined {
  if (cursor.left - end < PREFIX_BYTES) throw truncated()
  const prefix = cursor.bytes(PREFIX_BYTES)
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES)
  if (view.getUint32(0, true) !== CONTINUATION) throw truncated()
  const length = view.getUint32(4, true)
  if (length === 0) return undefined
  if (length > cursor.left - end) throw truncated()
  return cursor.bytes(length)
}

function truncated(): ArrowError {
  return new ArrowError('MALFORMED', 'The Arrow message is malformed or truncated.')
}
