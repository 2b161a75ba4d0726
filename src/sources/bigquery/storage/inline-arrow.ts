import { ArrowError } from '../../../arrow/errors.ts'
import { ChunkCursor } from '../../../arrow/ipc/chunk-cursor.ts'
import { type Frame, frameOf } from '../../../arrow/ipc/frame.ts'
import { decodeSchema } from '../../../arrow/schema.ts'
import { GatewayError } from '../../../query/errors.ts'
import { readBatches, readSchema } from './ipc-batches.ts'
import { SchemaCheck } from './schema-check.ts'

/** Rows that came within the answer of jobs.query. */
export interface InlineRows {
  readonly schema: Frame
  readonly frames: readonly Frame[]
  readonly rows: number
}

const none = new Uint8Array(0)

/**
 * Turns `arrowSchema.serializedSchema` and `arrowRecordBatch.serializedRecordBatch` of a QueryResponse into frames.
 * Source: `QueryResponse` in google/cloud/bigquery/v2/job.proto.
 * @param serializedSchema base64
 * @param serializedRecordBatch base64; empty or absent for a result without rows
 * @throws GatewayError UPSTREAM_DATA
 */
export function framesOfInlineArrow(
  source: string,
  serializedSchema: string,
  serializedRecordBatch: string | undefined,
): InlineRows {
  try {
    const schemaBytes = Buffer.from(serializedSchema, 'base64')
    const schema = readSchema(new ChunkCursor([schemaBytes], schemaBytes.byteLength), schemaBytes.byteLength)
    decodeSchema(schema)
    const bytes = Buffer.from(serializedRecordBatch ?? '', 'base64')
    const cursor = new ChunkCursor([bytes], bytes.byteLength)
    const frames = readBatches(cursor, bytes.byteLength, new SchemaCheck(schema), () => {})
    const rows = frames.reduce((sum, frame) => sum + frame.rows, 0)
    return { schema: frameOf(schema, none, 0), frames, rows }
  } catch (error) {
    if (!(error instanceof ArrowError)) throw error
    const said = `The source ${source} sent malformed or cut-off data: ${error.message}`
    throw new GatewayError('UPSTREAM_DATA', said, { cause: error })
  }
}
