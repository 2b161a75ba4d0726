import { tableFromArrays, tableToIPC } from 'apache-arrow'
import {
  CreateReadSessionRequest,
  ReadRowsRequest,
  ReadRowsResponse,
} from '../../../../gen/google/cloud/bigquery/storage/v1/storage.ts'
import { ReadSession } from '../../../../gen/google/cloud/bigquery/storage/v1/stream.ts'
import { encapsulate, joinStream, readStream } from '../../../../src/arrow/ipc/ipc.ts'
import { FakeUpstream } from '../../../fakes/fake-upstream.ts'
import { framed, type UpstreamCall } from '../../../fakes/upstream-call.ts'
import { goaway } from '../../../fakes/upstream-connection.ts'

/** How a call of ReadRows breaks. */
export const breaks = {
  'reset with INTERNAL_ERROR': (call: UpstreamCall) => call.reset(2),
  'reset with CANCEL': (call: UpstreamCall) => call.reset(8),
  'reset with REFUSED_STREAM': (call: UpstreamCall) => call.reset(7),
  'lost connection': (call: UpstreamCall) => void call.connection.socket.destroy(),
  'GOAWAY below the stream, then the end': (call: UpstreamCall) => {
    call.send(goaway(0))
    call.connection.socket.end()
  },
  'end without trailers': (call: UpstreamCall) => call.endWithoutTrailers(),
  UNAVAILABLE: (call: UpstreamCall) => call.finish(14, 'the server restarts'),
  ABORTED: (call: UpstreamCall) => call.finish(10, 'the stream was idle'),
  INTERNAL: (call: UpstreamCall) => call.finish(13, 'Received RST_STREAM with code 2'),
  'UNKNOWN: Stream removed': (call: UpstreamCall) => call.finish(2, 'Stream removed'),
  'a message cut short, then OK': async (call: UpstreamCall, next: Uint8Array) => {
    const bytes = framed(next)
    await call.write(bytes.subarray(0, Math.min(bytes.length - 1, 40)))
    call.finish(0)
  },
  'a message cut short, then a lost connection': async (call: UpstreamCall, next: Uint8Array) => {
    await call.write(framed(next).subarray(0, -9))
    call.connection.socket.destroy()
  },
} as const

export type Break = keyof typeof breaks

/** One call of ReadRows. */
export interface ReadCall {
  readonly call: UpstreamCall
  readonly stream: number
  readonly offset: number
  /** Number of calls of the stream before this one. */
  readonly attempt: number
}

/** What the server does instead of sending all messages. */
export type Fault =
  | { readonly afterMessages: number; readonly how: Break }
  | { readonly answer: (read: ReadCall) => unknown }
  | undefined

/** A table of one column `n` with the rows 0, 1, 2, ..., spread over streams, and the deviations of its server. */
export interface ReadServerOptions {
  readonly streams?: number
  readonly messagesPerStream?: number
  readonly rowsPerMessage?: number
  readonly fault?: (read: ReadCall) => Fault
  readonly session?: (call: UpstreamCall) => boolean | undefined
  /** Changes a response before it is sent. */
  readonly alter?: (response: ReadRowsResponse, read: ReadCall, message: number) => ReadRowsResponse
  /** Whether each message is a whole IPC stream, as some emulators send it. */
  readonly sendsStreams?: boolean
}

/** A server of CreateReadSession and ReadRows that can break every rule. */
export class ReadServer {
  readonly upstream: FakeUpstream
  readonly reads: ReadCall[] = []
  readonly sessions: { readonly request: CreateReadSessionRequest; readonly call: UpstreamCall }[] = []
  /** Calls of ReadRows that the client ended with RST_STREAM. */
  cancelled = 0
  /** Calls of ReadRows that run. */
  running = 0
  sentBytes = 0

  private constructor(upstream: FakeUpstream) {
    this.upstream = upstream
  }

  static async start(options: ReadServerOptions = {}): Promise<ReadServer> {
    const upstream = await FakeUpstream.start({
      answer: (call) => {
        void server.#answer(call, options)
        return true
      },
    })
    const server = new ReadServer(upstream)
    return server
  }

  get address() {
    return { host: '127.0.0.1', port: this.upstream.port, tls: false }
  }

  async #answer(call: UpstreamCall, options: ReadServerOptions): Promise<void> {
    if (call.method === 'CreateReadSession') {
      const request = CreateReadSessionRequest.decode(call.messages[0]!)
      this.sessions.push({ request, call })
      if (options.session?.(call)) return
      await call.answer({ messages: [sessionOf(options.streams ?? 1)] })
      return
    }
    const { readStream: name, offset } = ReadRowsRequest.decode(call.messages[0]!)
    const stream = Number(/\d+$/.exec(name)?.[0] ?? 0)
    const attempt = this.reads.filter((read) => read.stream === stream).length
    const read = { call, stream, offset: Number(offset), attempt }
    this.reads.push(read)
    this.running++
    call.whenOver((code) => {
      this.running--
      if (code === 8) this.cancelled++
    })
    await this.#read(read, options)
  }

  async #read(read: ReadCall, options: ReadServerOptions): Promise<void> {
    const { messagesPerStream = 1, rowsPerMessage = 10, fault, alter, sendsStreams } = options
    const { call, stream, offset } = read
    const found = fault?.(read)
    if (found && 'answer' in found) return void (await found.answer(read))
    call.start()
    let sent = 0
    for (let i = Math.floor(offset / rowsPerMessage); ; i++) {
      const isEnd = i >= messagesPerStream
      const first = (stream * messagesPerStream + i) * rowsPerMessage
      const from = Math.max(0, offset - i * rowsPerMessage)
      const rows = isEnd ? 1 : rowsPerMessage - from
      const whole = responseOf(first + from, rows, i, messagesPerStream, sendsStreams)
      const response = sent === 0 ? whole : { ...whole, schema: undefined }
      const message = ReadRowsResponse.encode(alter ? alter(response, read, i) : response).finish()
      if (found && sent === found.afterMessages) return void (await breaks[found.how](call, message))
      if (isEnd) break
      await call.writeMessage(message)
      if (call.isOver) return
      this.sentBytes += message.byteLength
      sent++
    }
    call.finish(0)
  }

  stop(): Promise<void> {
    return this.upstream.stop()
  }
}

const { header: schemaHeader } = [...readStream(tableToIPC(table(0, 1), 'stream'))][0]!
const schemaMessage = encapsulate(schemaHeader)

/** The schema of the table, a bare flatbuffer `Message`. */
export const schema: Uint8Array = schemaHeader

export function sessionOf(streams: number, schema: Uint8Array = schemaMessage): Uint8Array {
  return ReadSession.encode({
    name: 'projects/p/locations/us/sessions/s',
    expireTime: undefined,
    dataFormat: 2,
    schema: { $case: 'arrowSchema', value: { serializedSchema: schema } },
    table: '',
    tableModifiers: undefined,
    readOptions: undefined,
    streams: Array.from({ length: streams }, (_, i) => ({ name: `projects/p/locations/us/sessions/s/streams/${i}` })),
    estimatedTotalBytesScanned: 0n,
    traceId: '',
    estimatedRowCount: 0n,
  }).finish()
}

function table(first: number, rows: number) {
  return tableFromArrays({ n: BigInt64Array.from({ length: rows }, (_, i) => BigInt(first + i)) })
}

/** A response with the rows `first`, `first + 1`, ... */
export function responseOf(first: number, rows: number, message = 0, messages = 1, isStream = false): ReadRowsResponse {
  const stream = tableToIPC(table(first, rows), 'stream')
  const batch = joinStream([[...readStream(stream)][1]!])
  return {
    rows: {
      $case: 'arrowRecordBatch',
      value: { serializedRecordBatch: isStream ? stream : batch, rowCount: BigInt(rows) },
    },
    rowCount: BigInt(rows),
    stats: { progress: { atResponseStart: message / messages, atResponseEnd: (message + 1) / messages } },
    throttleState: { throttlePercent: 0 },
    schema: { $case: 'arrowSchema', value: { serializedSchema: schemaMessage } },
    uncompressedByteSize: undefined,
    totalEstimatedRowCount: undefined,
  }
}
