import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { ApiError } from '../api-error.ts'
import type { Fault } from '../faults.ts'
import type { FakeState } from '../state.ts'
import type { FakeTable } from '../table.ts'
import { schemaMessage } from './ipc.ts'
import { type CreateReadSessionRequest, messages, type ReadRowsRequest } from './messages.ts'
import { batchOf, openSession, type ReadSession } from './session.ts'

const service = '/google.cloud.bigquery.storage.v1.BigQueryRead'
const sessionMs = 6 * 3_600_000

/** An error with a gRPC status. */
class StatusError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** BigQueryRead of the Storage API. */
export function createStorageServer(state: FakeState): Server {
  const server = new Server({ 'grpc.max_receive_message_length': 1 << 20, 'grpc.max_send_message_length': -1 })
  const sessions = new Map<string, ReadSession>()
  server.addService(
    {
      createReadSession: {
        path: `${service}/CreateReadSession`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (value: CreateReadSessionRequest) =>
          Buffer.from(messages.CreateReadSessionRequest.encode(value).finish()),
        requestDeserialize: (bytes: Buffer) => messages.CreateReadSessionRequest.decode(bytes),
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
      readRows: {
        path: `${service}/ReadRows`,
        requestStream: false,
        responseStream: true,
        requestSerialize: (value: ReadRowsRequest) => Buffer.from(messages.ReadRowsRequest.encode(value).finish()),
        requestDeserialize: (bytes: Buffer) => messages.ReadRowsRequest.decode(bytes),
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    },
    {
      createReadSession: (call: ServerUnaryCall<CreateReadSessionRequest, Buffer>, answer: sendUnaryData<Buffer>) => {
        try {
          const fault = seen(state, 'CreateReadSession', call.metadata, call.request)
          if (fault?.stall) return
          if (fault?.status) throw new StatusError(fault.status.code, fault.status.message)
          answer(null, createSession(state, sessions, call.request))
        } catch (error) {
          answer(grpcError(error))
        }
      },
      readRows: (call: ServerWritableStream<ReadRowsRequest, Buffer>) => {
        readRows(state, sessions, call).catch((error: unknown) => {
          call.emit('error', grpcError(error))
        })
      },
    },
  )
  return server
}

/** Binds the server to a free port of 127.0.0.1. */
export async function listen(server: Server, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
}

function seen(state: FakeState, method: string, metadata: Metadata, request: unknown): Fault | undefined {
  state.requests.push({ method, headers: metadata.getMap(), body: request })
  const { token } = state.options
  if (token && metadata.get('authorization')[0] !== `Bearer ${token}`)
    throw new StatusError(status.UNAUTHENTICATED, 'Request had invalid authentication credentials.')
  const key = method === 'ReadRows' ? 'read_stream=' : 'read_session.table='
  if (!metadata.get('x-goog-request-params').some((value) => String(value).includes(key)))
    throw new StatusError(
      status.INVALID_ARGUMENT,
      "Request is missing 'x-goog-request-params' header: please add the routing parameter that the method requires.",
    )
  return state.faults.take(method, request)
}

function createSession(
  state: FakeState,
  sessions: Map<string, ReadSession>,
  request: CreateReadSessionRequest,
): Buffer {
  const wanted = request.readSession
  const [, project, dataset, name] =
    /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/.exec(wanted?.table ?? '') ?? []
  if (!wanted || !name) throw new StatusError(status.INVALID_ARGUMENT, 'request failed: invalid table name')
  const { maxStreamCount = 0, preferredMinStreamCount = 0 } = request
  if (maxStreamCount !== 0 && maxStreamCount < preferredMinStreamCount)
    throw new StatusError(
      status.INVALID_ARGUMENT,
      'request failed: max_stream_count must be greater than or equal to preferred_min_stream_count',
    )
  if (state.options.denyStorage)
    throw new StatusError(
      status.PERMISSION_DENIED,
      `request failed: the user does not have 'bigquery.readsessions.create' permission for '${request.parent}'`,
    )
  if (wanted.dataFormat !== messages.DataFormat.ARROW && String(wanted.dataFormat) !== 'ARROW')
    throw new StatusError(status.INVALID_ARGUMENT, 'request failed: the stand-in serves ARROW only')
  const compression = wanted.readOptions?.arrowSerializationOptions?.bufferCompression
  if (compression && state.options.refuseCompression)
    throw new StatusError(status.INVALID_ARGUMENT, 'request failed: unsupported compression codec')
  const table = readable(state, project!, dataset!, name)
  const location = table.location.toLowerCase()
  const id = `${request.parent}/locations/${location}/sessions/${randomBytes(12).toString('hex')}`
  const session = openSession(
    state,
    {
      table,
      selectedFields: wanted.readOptions?.selectedFields ?? [],
      rowRestriction: wanted.readOptions?.rowRestriction ?? '',
      maxStreamCount,
      preferredMinStreamCount,
    },
    id,
  )
  sessions.set(id, session)
  return Buffer.from(
    messages.ReadSession.encode({
      name: id,
      table: wanted.table!,
      dataFormat: messages.DataFormat.ARROW,
      ...(wanted.readOptions && { readOptions: wanted.readOptions }),
      expireTime: { seconds: Math.floor((Date.now() + (state.options.sessionMs ?? sessionMs)) / 1000), nanos: 0 },
      arrowSchema: { serializedSchema: schemaMessage(session.schema) },
      streams: [...session.streams.keys()].map((stream) => ({ name: stream })),
      estimatedTotalBytesScanned: session.estimatedBytes,
      estimatedRowCount: session.rows.length,
    }).finish(),
  )
}

function readable(state: FakeState, project: string, dataset: string, name: string): FakeTable {
  const path = `${project}:${dataset}.${name}`
  const table = state.tables.find(project, dataset, name)
  if (!table) throw new StatusError(status.NOT_FOUND, `request failed: table "${path}" not found`)
  if (table.kind !== 'TABLE')
    throw new StatusError(
      status.INVALID_ARGUMENT,
      `request failed: only tables are supported, "${path}" is of type ${table.kind}`,
    )
  return table
}

interface Part {
  readonly session: Pick<ReadSession, 'rows' | 'schema'>
  readonly start: number
  readonly end: number
}

function partOf(state: FakeState, sessions: Map<string, ReadSession>, stream: string): Part {
  const [, project, job] = /^projects\/([^/]+)\/locations\/[^/]+\/jobs\/([^/]+)\/streams\/_default$/.exec(stream) ?? []
  if (job && state.options.arrow) {
    const found = state.jobs.find(project!, job)
    if (!found?.result) throw new StatusError(status.NOT_FOUND, `request failed: job "${job}" not found`)
    if (found.configuration.query.destinationTable)
      throw new StatusError(
        status.INVALID_ARGUMENT,
        'request failed: This API does not support explicitly-specified destination tables',
      )
    const { rows, schema } = found.result
    return { session: { rows, schema }, start: 0, end: rows.length }
  }
  const session = sessions.get(stream.replace(/\/streams\/[^/]+$/, ''))
  const range = session?.streams.get(stream)
  if (!session || !range) throw new StatusError(status.NOT_FOUND, `request failed: stream "${stream}" not found`)
  if (Date.now() - session.createdAt > (state.options.sessionMs ?? sessionMs))
    throw new StatusError(status.FAILED_PRECONDITION, 'there was an error operating on the stream: Stream expired')
  return { session, ...range }
}

async function readRows(
  state: FakeState,
  sessions: Map<string, ReadSession>,
  call: ServerWritableStream<ReadRowsRequest, Buffer>,
): Promise<void> {
  const fault = seen(state, 'ReadRows', call.metadata, call.request)
  const { session, start, end } = partOf(state, sessions, call.request.readStream)
  const offset = Number(call.request.offset ?? 0)
  if (start + offset > end)
    throw new StatusError(
      status.FAILED_PRECONDITION,
      `there was an error operating on the stream: offset ${offset} has not been allocated yet`,
    )
  const batchRows = state.options.batchRows ?? 10_000
  let sent = 0
  let at = start + offset
  const breaks = async (): Promise<boolean> => {
    if (!fault || sent < (fault.afterMessages ?? 0)) return false
    if (fault.status) throw new StatusError(fault.status.code, fault.status.message)
    if (fault.reset) {
      streamOf(call).close(constants.NGHTTP2_INTERNAL_ERROR)
      return true
    }
    if (!fault.stall) return false
    await once(call, 'cancelled')
    return true
  }
  if (await breaks()) return
  while (at < end && !call.cancelled) {
    const count = Math.min(batchRows, end - at)
    const message = {
      rowCount: count,
      arrowRecordBatch: { serializedRecordBatch: batchOf(session, at, count), rowCount: count },
      stats: {
        progress: {
          atResponseStart: (at - start) / (end - start),
          atResponseEnd: (at - start + count) / (end - start),
        },
      },
      throttleState: { throttlePercent: 0 },
      ...(sent === 0 && { arrowSchema: { serializedSchema: schemaMessage(session.schema) } }),
    }
    at += count
    sent++
    if (!call.write(Buffer.from(messages.ReadRowsResponse.encode(message).finish())))
      await Promise.race([once(call, 'drain'), once(call, 'cancelled'), once(call, 'close')]).catch(() => {})
    // Other calls get their turn between messages.
    else await new Promise((resolve) => setImmediate(resolve))
    if (await breaks()) return
  }
  call.end()
}

/** The HTTP/2 stream below a call, which grpc-js keeps to itself. */
function streamOf(call: unknown): ServerHttp2Stream {
  return (call as { readonly call: { readonly stream: ServerHttp2Stream } }).call.stream
}

function grpcError(error: unknown): { code: number; details: string } {
  if (error instanceof StatusError) return { code: error.code, details: error.message }
  if (error instanceof ApiError) return { code: status.INVALID_ARGUMENT, details: `request failed: ${error.message}` }
  return { code: status.INTERNAL, details: String(error) }
}
