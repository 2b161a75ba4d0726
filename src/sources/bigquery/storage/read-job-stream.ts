import { SchemaCheck } from './schema-check.ts'
import type { StorageClient } from './storage-client.ts'
import { beginRead, type ReadContext, type StorageRead } from './storage-read.ts'
import { StreamReader } from './stream-reader.ts'

/** The rest of a job's result. */
export interface JobRead {
  readonly project: string
  readonly location: string
  readonly jobId: string
  /** Rows that the client has already, from the answer of jobs.query. */
  readonly offset: number
  /** Schema that jobs.query sent, a bare flatbuffer `Message`; which the stream need not send again. */
  readonly schema: Uint8Array
  /** Called when a broken stream is read on from its last row. */
  onResume?(): void
}

/**
 * Reads the result of a job without a read session, as Google's clients do after jobs.query with results in Arrow (a preview). The
 * job must have no explicit destination table. If no row is left, BigQuery sends nothing.
 * Source: google/cloud/bigquery/_arrow_query.py of google-cloud-bigquery 3.47.0; `ReadRowsRequest` in
 * google/cloud/bigquery/storage/v1/storage.proto.
 * @throws StorageRefused if the rows may be read otherwise; GatewayError, or the signal's reason
 */
export async function readJobStream(read: JobRead, client: StorageClient, ctx: ReadContext): Promise<StorageRead> {
  const cancel = new AbortController()
  const bounds = { signal: AbortSignal.any([ctx.signal, cancel.signal]), deadlineAt: ctx.deadlineAt }
  const name = `projects/${read.project}/locations/${read.location}/jobs/${read.jobId}/streams/_default`
  const check = new SchemaCheck(read.schema)
  const stream = new StreamReader(client, name, read.offset, check, bounds, () => read.onResume?.())
  const plan = { streams: [stream], maxStreams: 1, cancel, estimatedRows: undefined }
  return await beginRead(plan, client, ctx, read.schema)
}
