import { ArrowError } from '../../../arrow/errors.ts'
import { ChunkCursor } from '../../../arrow/ipc/chunk-cursor.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import type { InboundMessage } from '../../../grpc/client/message-reader.ts'
import { readBatches, readSchema } from './ipc-batches.ts'
import type { SchemaCheck } from './schema-check.ts'

/** The content of a ReadRowsResponse. */
export interface RowsMessage {
  /** Record batches with rows, as views of the message; releasing all of them releases the message. */
  readonly frames: readonly Frame[]
  /** Rows of the frames. */
  readonly rows: number
  /** Sum of the lengths of the frames, in bytes. */
  readonly byteLength: number
  /** Fraction of the stream that has been read with this message, from 0 to 1; undefined if the server does not tell. */
  readonly progress: number | undefined
}

const WIRE_VARINT = 0
const WIRE_64 = 1
const WIRE_LENGTH = 2
const WIRE_32 = 5

/** Field numbers. Source: google/cloud/bigquery/storage/v1/storage.proto and arrow.proto. */
const FIELD_STATS = 2
const FIELD_ARROW_RECORD_BATCH = 4
const FIELD_ROW_COUNT = 6
const FIELD_ARROW_SCHEMA = 8
const FIELD_UNCOMPRESSED_BYTE_SIZE = 9
const FIELD_SERIALIZED = 1
const FIELD_PROGRESS = 2
const FIELD_AT_RESPONSE_END = 2
const MAX_INT64 = 2 ** 63

/**
 * Decodes a ReadRowsResponse in its receive buffers: the bodies of its batches are not copied.
 * @param schema check by the schema of the result
 * @throws GrpcFailure DATA_LOSS if the message is malformed, has another schema, or another number of rows than it says
 */
export function decodeRows(message: InboundMessage, schema: SchemaCheck): RowsMessage {
  try {
    return read(message, schema)
  } catch (error) {
    if (!(error instanceof ArrowError)) throw error
    const said = `a response of ReadRows cannot be read (${error.message})`
    throw new GrpcFailure('DATA_LOSS', said, 'local', { cause: error })
  }
}

/** What the fields of a message told, before the batches are read. */
interface Fields {
  rowCount: number | undefined
  progress: number | undefined
  /** Cursor at the serialized batch, and its length. */
  batch: { readonly at: ChunkCursor; readonly byteLength: number } | undefined
}

function read(message: InboundMessage, schema: SchemaCheck): RowsMessage {
  const { chunks, byteLength, release } = message
  const fields: Fields = { rowCount: undefined, progress: undefined, batch: undefined }
  const cursor = new ChunkCursor(chunks, byteLength)
  while (cursor.left > 0) readField(cursor, fields, schema)
  const { batch, rowCount, progress } = fields
  let unreleased = 1
  const releaseOne = () => {
    if (--unreleased === 0) release()
  }
  const frames = batch ? readBatches(batch.at, batch.byteLength, schema, releaseOne) : []
  let rows = 0
  let total = 0
  for (const frame of frames) {
    rows += frame.rows
    total += frame.byteLength
  }
  if (rowCount !== undefined && rowCount !== rows)
    throw new ArrowError('MALFORMED', `It announces ${rowCount} rows and has ${rows}.`)
  unreleased = frames.length
  if (unreleased === 0) release()
  return { frames, rows, byteLength: total, progress }
}

function readField(cursor: ChunkCursor, fields: Fields, expected: SchemaCheck): void {
  const tag = cursor.varint()
  const [field, wire] = [Math.floor(tag / 8), tag % 8]
  if (wire === WIRE_VARINT) {
    const value = cursor.varint()
    if (field === FIELD_ROW_COUNT) fields.rowCount = value
    // A payload that is compressed as a whole was not asked for. -1 means that it is not.
    if (field === FIELD_UNCOMPRESSED_BYTE_SIZE && value > 0 && value < MAX_INT64)
      throw new ArrowError('UNSUPPORTED', 'The payload is compressed.')
    return
  }
  if (wire !== WIRE_LENGTH) {
    skipFixed(cursor, wire)
    return
  }
  const length = cursor.varint()
  const end = cursor.left - length
  if (end < 0) throw malformed()
  if (field === FIELD_STATS) fields.progress = readProgress(cursor.bytes(length)) ?? fields.progress
  else if (field === FIELD_ARROW_SCHEMA) {
    const serialized = findSerialized(cursor, end)
    if (serialized === undefined) return
    expected.check(readSchema(cursor, serialized))
  } else if (field === FIELD_ARROW_RECORD_BATCH) {
    const serialized = findSerialized(cursor, end)
    if (serialized !== undefined) fields.batch = { at: cursor.clone(), byteLength: serialized }
  }
  cursor.advance(cursor.left - end)
}

/** Finds the bytes of ArrowSchema and ArrowRecordBatch; the cursor is then at their begin. @returns their number */
function findSerialized(cursor: ChunkCursor, end: number): number | undefined {
  while (cursor.left > end) {
    const tag = cursor.varint()
    const wire = tag % 8
    if (wire === WIRE_VARINT) cursor.varint()
    else if (wire === WIRE_LENGTH) {
      const length = cursor.varint()
      if (length > cursor.left - end) throw malformed()
      if (Math.floor(tag / 8) === FIELD_SERIALIZED) return length
      cursor.advance(length)
    } else skipFixed(cursor, wire)
  }
  return undefined
}

function skipFixed(cursor: ChunkCursor, wire: number): void {
  if (wire === WIRE_64) cursor.advance(8)
  else if (wire === WIRE_32) cursor.advance(4)
  else throw malformed()
}

/** Reads `progress.at_response_end` of StreamStats. */
function readProgress(stats: Uint8Array): number | undefined {
  const cursor = new ChunkCursor([stats], stats.byteLength)
  let value: number | undefined
  while (cursor.left > 0) {
    const tag = cursor.varint()
    const [field, wire] = [Math.floor(tag / 8), tag % 8]
    if (wire === WIRE_LENGTH) {
      const length = cursor.varint()
      // The fields of Progress follow; the loop reads them, since both messages are at the end of this one.
      if (field !== FIELD_PROGRESS) cursor.advance(length)
    } else if (wire === WIRE_64 && field === FIELD_AT_RESPONSE_END) {
      const bytes = cursor.bytes(8)
      value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true)
    } else if (wire === WIRE_VARINT) cursor.varint()
    else skipFixed(cursor, wire)
  }
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'The message is malformed.')
}
