import type { CreateReadSessionRequest } from '../../../../gen/google/cloud/bigquery/storage/v1/storage.ts'
import type { ReadSession } from '../../../../gen/google/cloud/bigquery/storage/v1/stream.ts'
import { DataFormat } from '../../../../gen/google/cloud/bigquery/storage/v1/stream.ts'
import { ArrowError } from '../../../arrow/errors.ts'
import { ChunkCursor } from '../../../arrow/ipc/chunk-cursor.ts'
import { decodeSchema } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import { readSchema } from './ipc-batches.ts'
import { SchemaCheck } from './schema-check.ts'
import type { StorageClient } from './storage-client.ts'
import { storageError } from './storage-error.ts'
import { beginRead, type ReadContext, type StorageRead } from './storage-read.ts'
import { StreamReader } from './stream-reader.ts'

/** A table of BigQuery. */
export interface TableName {
  readonly project: string
  readonly dataset: string
  readonly table: string
}

/** What to read of a table. */
export interface TableRead {
  readonly table: TableName
  /** Project that is billed for the session. */
  readonly parentProject: string
  /** Whether the rows must come in the order of the table, as those of a result that was sorted: one stream reads them. */
  readonly ordered: boolean
  /** Streams to read at the same time instead of the source's setting. */
  readonly wantedStreams?: number
  /** Groups sessions in the logs of BigQuery, at most 256 bytes. */
  readonly traceId?: string
  /** Called when a broken stream is read on from its last row. */
  onResume?(): void
}

/**
 * Reads a table by the Storage Read API. Its batches are passed on as bytes. The schema is there also for an empty table.
 * Source: https://cloud.google.com/bigquery/docs/reference/storage.
 * @throws StorageRefused if the rows may be read by REST instead; GatewayError, or the signal's reason
 */
export async function readTable(read: TableRead, client: StorageClient, ctx: ReadContext): Promise<StorageRead> {
  const maxStreams = read.ordered ? 1 : (read.wantedStreams ?? client.options.maxStreams)
  const cancel = new AbortController()
  const bounds = { signal: AbortSignal.any([ctx.signal, cancel.signal]), deadlineAt: ctx.deadlineAt }
  let session: ReadSession
  let check: SchemaCheck
  try {
    session = await client.createReadSession(requestOf(read, maxStreams), bounds)
    check = new SchemaCheck(schemaOf(session))
  } catch (error) {
    throw storageError(error, client.source, ctx.deadlineAt, false)
  }
  const onResume = () => read.onResume?.()
  const streams = session.streams.map(({ name }) => new StreamReader(client, name, 0, check, bounds, onResume))
  const plan = { streams, maxStreams, cancel, estimatedRows: Number(session.estimatedRowCount) || undefined }
  return await beginRead(plan, client, ctx, check.schema)
}

/**
 * `max_stream_count` is 0 or at least `preferred_min_stream_count`; with 0 servers may return a single stream, and up to 1000.
 * Source: google/cloud/bigquery/storage/v1/storage.proto.
 */
function requestOf(read: TableRead, maxStreams: number): CreateReadSessionRequest {
  const { project, dataset, table } = read.table
  return {
    parent: `projects/${read.parentProject}`,
    readSession: {
      name: '',
      expireTime: undefined,
      dataFormat: DataFormat.ARROW,
      schema: undefined,
      table: `projects/${project}/datasets/${dataset}/tables/${table}`,
      tableModifiers: undefined,
      readOptions: {
        selectedFields: [],
        rowRestriction: '',
        outputFormatSerializationOptions: undefined,
      },
      streams: [],
      estimatedTotalBytesScanned: 0n,
      traceId: read.traceId ?? '',
      estimatedRowCount: 0n,
    },
    maxStreamCount: maxStreams,
    preferredMinStreamCount: maxStreams,
  }
}

/** The schema of a session, checked. @throws GrpcFailure DATA_LOSS */
function schemaOf({ schema }: ReadSession): Uint8Array {
  const serialized = schema?.value.serializedSchema ?? new Uint8Array(0)
  try {
    const header = readSchema(new ChunkCursor([serialized], serialized.byteLength), serialized.byteLength)
    decodeSchema(header)
    return header
  } catch (error) {
    if (!(error instanceof ArrowError)) throw error
    throw new GrpcFailure('DATA_LOSS', `the schema of the session is malformed (${error.message})`, 'local', {
      cause: error,
    })
  }
}
