import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { FlightDescriptor, FlightInfo, Ticket } from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandStatementQuery } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { Any } from '../../src/arrow/ipc/any.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema } from '../../src/arrow/schema.ts'
import { prefixOf } from '../../src/grpc/message-prefix.ts'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame, headersFrames, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { HeaderDecoder } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { FrameFlag, FrameType, PREFACE } from '../../src/http2/protocol.ts'

const none = Buffer.alloc(0)
const field = { name: 'i', format: 'l', nullable: true, metadata: [], children: [] }
const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [field] })
const ROWS = 10
/** What the gateway takes. */
const MAX_FRAME_BYTES = 1 << 20
const WINDOW_BYTES = 8 << 20

/** The schema message of the results, and a batch of ten rows. */
export const schemaMessage = Buffer.concat(frameOf(schema, none, 0).chunks)
export const batchMessage = Buffer.concat(
  frameOf(
    encodeRecordBatch({ rows: ROWS, nodes: [ROWS, 0], buffers: [0, 0, 0, 8 * ROWS], bodyLength: 8 * ROWS }),
    Buffer.alloc(8 * ROWS),
    0,
  ).chunks,
)

/** How an HTTP/2 server begins. */
export const opening = Buffer.concat([settingsFrame([]), frame(FrameType.settings, FrameFlag.ack, 0, none)])

/** GOAWAY that takes no stream from `last` on. */
export function goaway(last: number): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(last)
  return frame(FrameType.goaway, 0, 0, payload)
}

/** A call that waits for its answer, frame by frame. */
export class RawCall {
  readonly method: string
  readonly streamId: number
  /** Of GetFlightInfo the statement, of DoGet the ticket, which is the statement too. */
  readonly sql: string
  readonly cookie: string | undefined
  readonly socket: Socket
  #window = WINDOW_BYTES
  #wake = () => {}

  constructor(socket: Socket, streamId: number, method: string, sql: string, cookie: string | undefined) {
    this.socket = socket
    this.streamId = streamId
    this.method = method
    this.sql = sql
    this.cookie = cookie
  }

  /** Sends bytes as they are; false when the socket has more than it should. */
  send(...frames: readonly Buffer[]): boolean {
    return this.socket.write(Buffer.concat(frames))
  }

  headers(more: readonly (readonly [string, string])[] = [], isEnd = false): Buffer {
    const fields = encodeHeaders([[':status', '200'], ['content-type', 'application/grpc'], ...more])
    return headersFrames(this.streamId, fields, isEnd, 16_384)
  }

  trailers(status: number, text = '', more: readonly (readonly [string, string])[] = []): Buffer {
    const fields = encodeHeaders([['grpc-status', String(status)], ['grpc-message', text], ...more])
    return headersFrames(this.streamId, fields, true, 16_384)
  }

  data(bytes: Uint8Array): Buffer {
    const frames: Buffer[] = []
    for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES)
      frames.push(frame(FrameType.data, 0, this.streamId, bytes.subarray(at, at + MAX_FRAME_BYTES)))
    return frames.length > 0 ? Buffer.concat(frames) : frame(FrameType.data, 0, this.streamId, bytes)
  }

  message(message: Uint8Array): Buffer {
    return this.data(Buffer.concat([prefixOf(message.byteLength), message]))
  }

  /** The gateway lets the server send more. */
  grow(bytes: number): void {
    this.#window += bytes
    this.#wake()
  }

  /** Sends the same body again and again, as fast as it is read, until the socket closes. */
  async repeatData(bytes: Buffer): Promise<void> {
    const frames = this.data(bytes)
    this.socket.once('close', () => this.#wake())
    while (!this.socket.destroyed) {
      if (this.#window < bytes.length)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      else {
        this.#window -= bytes.length
        await this.repeat(frames, 1)
      }
    }
  }

  /** Sends the same again and again, as fast as it is taken, until the socket closes or `count` is reached. */
  async repeat(bytes: Buffer, count = Number.POSITIVE_INFINITY): Promise<void> {
    for (let i = 0; i < count && !this.socket.destroyed; i++) if (!this.send(bytes)) await drained(this.socket)
  }
}

/** Waits until more can be sent, or nothing more will be taken. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}

/** A FlightInfo with an endpoint for each ticket. */
export function infoOf(tickets: readonly string[]): Uint8Array {
  const endpoint = tickets.map((ticket) => ({
    ticket: { ticket: Buffer.from(ticket) },
    location: [],
    expirationTime: undefined,
    appMetadata: none,
  }))
  return FlightInfo.encode({
    schema: encapsulate(schema),
    flightDescriptor: undefined,
    endpoint,
    totalRecords: -1n,
    totalBytes: -1n,
    ordered: true,
    appMetadata: none,
  }).finish()
}

/** A Flight SQL server that answers well, unless a test answers in its place with whatever frames it likes. */
export class RawUpstream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  connections = 0
  /** Statements that were planned. */
  plans = 0
  port = 0

  /** @param answer whether it answers the call, or will */
  private constructor(answer: (call: RawCall) => boolean, onConnection: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      readCalls(socket, (call) => {
        if (call.method === 'GetFlightInfo') this.plans++
        if (!answer(call)) answerWell(call)
      })
      onConnection(socket)
    })
  }

  /** Starts one on a port of its own; `begin` says how a connection begins. */
  static async start(
    answer: (call: RawCall) => boolean,
    begin: (socket: Socket) => void = (socket) => socket.write(opening),
  ): Promise<RawUpstream> {
    const upstream = new RawUpstream(answer, begin)
    upstream.#server.listen(0, '127.0.0.1')
    await once(upstream.#server, 'listening')
    upstream.port = (upstream.#server.address() as AddressInfo).port
    return upstream
  }

  get uri(): string {
    return `grpc://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close').catch(() => {})
  }
}

function readCalls(socket: Socket, onCall: (call: RawCall) => void): void {
  const decoder = new HeaderDecoder(4096, 1 << 20)
  const open = new Map<number, { method: string; cookie: string | undefined; body: Buffer[] }>()
  const asked = new Map<number, RawCall>()
  let preface = PREFACE.length
  const reader = new FrameReader(1 << 24, {
    onData: (streamId, bytes) => open.get(streamId)?.body.push(Buffer.from(bytes)),
    onDataEnd: (streamId, _length, _padding, isEnd) => {
      const call = open.get(streamId)
      if (!call || !isEnd) return
      open.delete(streamId)
      const sql = sqlOf(call.method, Buffer.concat(call.body).subarray(5))
      const whole = new RawCall(socket, streamId, call.method, sql, call.cookie)
      asked.set(streamId, whole)
      onCall(whole)
    },
    onFrame: (type, _flags, streamId, payload) => {
      if (type === FrameType.windowUpdate) asked.get(streamId)?.grow(payload.readUInt32BE(0))
      if (type !== FrameType.headers) return
      const { ':path': path, cookie } = decoder.decode(payload)
      open.set(streamId, { method: String(path).split('/').at(-1)!, cookie: cookie as string | undefined, body: [] })
    },
  })
  socket.on('data', (bytes: Buffer) => {
    const skipped = Math.min(preface, bytes.length)
    preface -= skipped
    reader.push(bytes.subarray(skipped))
  })
}

function sqlOf(method: string, message: Buffer): string {
  if (method === 'DoGet') return Buffer.from(Ticket.decode(message).ticket).toString()
  if (method !== 'GetFlightInfo') return ''
  return CommandStatementQuery.decode(Any.decode(FlightDescriptor.decode(message).cmd).value).query
}

function answerWell(call: RawCall): void {
  if (call.method === 'GetFlightInfo') call.send(call.headers(), call.message(infoOf([call.sql])), call.trailers(0))
  else if (call.method === 'DoGet')
    call.send(call.headers(), call.message(schemaMessage), call.message(batchMessage), call.trailers(0))
  else if (call.method === 'Handshake') call.send(call.headers([['authorization', 'Bearer t']]), call.trailers(0))
  else call.send(call.headers([['grpc-status', '12']], true))
}
