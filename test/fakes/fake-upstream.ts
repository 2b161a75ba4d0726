import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { FlightData, FlightDescriptor, FlightInfo, Ticket } from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandPreparedStatementQuery, CommandStatementQuery } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { Any } from '../../src/arrow/ipc/any.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema, type Field } from '../../src/arrow/schema.ts'
import { FakePrepared } from './fake-prepared.ts'

const field = (name: string, format = 'l'): Field => ({ name, format, nullable: true, metadata: [], children: [] })
const schemaOf = (name: string, format = 'l') =>
  encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [field(name, format)] })
const schema = schemaOf('i')
const none = new Uint8Array(0)

/** Rows of each batch that the fake sends. */
export const BATCH_ROWS = 1000

/** TLS of a fake. */
export interface FakeTls {
  readonly cert: Buffer
  readonly key: Buffer
  /** Authorities whose certificates clients must have. */
  readonly ca?: Buffer
}

/**
 * A Flight SQL server that does to each call what the SQL text asks for: SELECT, or INSERT for a change, a behaviour, then how
 * many batches come before it, then words that its errors quote; a result in parts has `then` between them.
 */
export class FakeUpstream {
  readonly #server: Http2Server | Http2SecureServer
  readonly prepared = new FakePrepared()
  readonly sessions = new Set<ServerHttp2Session>()
  /** DoGet streams by how they ended. */
  readonly ended = { finished: 0, cancelled: 0 }
  readonly counts = { connections: 0, handshakes: 0, plans: 0, executions: 0 }
  /** What a token must be; another one is expired. */
  token = 'token-1'
  /** Tokens that Handshake gives; by default the one that is good. */
  given: string | undefined
  /** The session that calls with a cookie must name, for a server that has sessions; as Dremio it tells of it itself. */
  session: string | undefined
  /** Locations of the parts of a result, in order; by default none. */
  locations: readonly (readonly string[])[] = []
  /** What every call but Handshake does in place of its work, if anything. */
  everyCall: 'hang' | 'unauthenticated' | undefined
  /** How long before the `grpc-timeout` of a DoGet that hangs it answers DEADLINE_EXCEEDED; undefined for never. */
  answersDeadlineMs: number | undefined
  /** Calls that find their connection cut, or their stream refused, before any answer. */
  cut: { readonly method: string; times: number; readonly refused?: boolean } | undefined
  openStreams = 0
  port = 0

  private constructor(tls?: FakeTls) {
    // With authorities of clients it wants a certificate from each.
    const mutual = tls?.ca ? { requestCert: true, rejectUnauthorized: true } : {}
    this.#server = tls ? createSecureServer({ ...tls, ...mutual }) : createServer()
    this.#server.on('session', (session) => {
      this.counts.connections++
      this.sessions.add(session)
      session.on('close', () => this.sessions.delete(session))
      session.on('error', () => {})
    })
    this.#server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {})
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        // A request that its client breaks off ends here too, in the middle of a message.
        if (stream.aborted || stream.rstCode !== 0) return
        void this.#answer(stream, String(headers[':path']).split('/').at(-1)!, Buffer.concat(chunks), headers)
      })
    })
  }

  /** Starts one on a port of its own, or on a given one. */
  static async start(port = 0, tls?: FakeTls): Promise<FakeUpstream> {
    const fake = new FakeUpstream(tls)
    fake.#server.listen(port, '127.0.0.1')
    await once(fake.#server, 'listening')
    fake.port = (fake.#server.address() as AddressInfo).port
    return fake
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy()
    this.#server.close()
    await once(this.#server, 'close').catch(() => {})
  }

  async #answer(
    stream: ServerHttp2Stream,
    method: string,
    body: Buffer,
    { authorization, cookie, 'grpc-timeout': timeout }: IncomingHttpHeaders,
  ): Promise<void> {
    if (method === 'Handshake') {
      this.counts.handshakes++
      this.#start(stream, { authorization: `Bearer ${this.given ?? this.token}` })
      this.#end(stream, 0)
      return
    }
    if (this.cut?.method === method && this.cut.times-- > 0) {
      if (this.cut.refused) stream.close(7)
      else stream.session?.socket.destroy()
      return
    }
    if (this.everyCall === 'hang') return
    if (this.everyCall === 'unauthenticated' || authorization !== `Bearer ${this.token}`) {
      this.#start(stream)
      this.#end(stream, 16, 'the token has expired')
      return
    }
    if (this.session !== undefined && cookie !== undefined && cookie !== `session=${this.session}`) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      this.#end(stream, 16, 'UserSession is not available in the cache')
      return
    }
    if (this.answersDeadlineMs !== undefined && method === 'DoGet')
      setTimeout(
        () => {
          if (stream.destroyed) return
          if (!stream.headersSent) this.#start(stream)
          this.#end(stream, 4, 'Deadline Exceeded')
        },
        Number.parseInt(String(timeout), 10) - this.answersDeadlineMs,
      )
    const message = firstOf(body)
    if (method === 'GetFlightInfo') this.#plan(stream, message)
    else if (method === 'DoGet') await this.#execute(stream, Buffer.from(Ticket.decode(message).ticket).toString())
    else if (method === 'DoPut') {
      // Parameters, which it takes and forgets.
      const statement = this.#statementOf(FlightData.decode(firstOf(body)).flightDescriptor!.cmd)
      this.#start(stream)
      this.#end(stream, statement.startsWith('unbindable') ? 3 : 0, 'as the statement asks')
    } else {
      const results = method === 'DoAction' ? this.prepared.act(message) : undefined
      this.#start(stream)
      for (const result of results ?? []) stream.write(framed(result))
      this.#end(stream, results ? 0 : 12, 'not implemented')
    }
  }

  #statementOf(cmd: Uint8Array): string {
    const { typeUrl, value } = Any.decode(cmd)
    const sql = typeUrl.endsWith('CommandPreparedStatementQuery')
      ? this.prepared.statementOf(CommandPreparedStatementQuery.decode(value).preparedStatementHandle)
      : CommandStatementQuery.decode(value).query
    return sql.replace(/^SELECT /, '')
  }

  #plan(stream: ServerHttp2Stream, message: Buffer): void {
    this.counts.plans++
    const query = this.#statementOf(FlightDescriptor.decode(message).cmd)
    if (query.startsWith('plan hang')) return
    this.#start(stream)
    if (query.startsWith('plan ')) {
      const [, status, ...quoted] = query.split(' ')
      this.#end(stream, Number(status), ['as the statement asks', ...quoted].join(' '))
      return
    }
    const endpoint = query.split(' then ').map((part, i) => ({
      ticket: { ticket: Buffer.from(part) },
      location: (this.locations[i] ?? []).map((uri) => ({ uri })),
      expirationTime: undefined,
      appMetadata: none,
    }))
    const info = {
      schema: encapsulate(schema),
      flightDescriptor: undefined,
      endpoint,
      totalRecords: -1n,
      totalBytes: -1n,
    }
    stream.write(framed(FlightInfo.encode({ ...info, ordered: true, appMetadata: none }).finish()))
    this.#end(stream, 0)
  }

  async #execute(stream: ServerHttp2Stream, sql: string): Promise<void> {
    this.counts.executions++
    this.openStreams++
    stream.on('close', () => {
      this.openStreams--
      if (stream.rstCode === 8) this.ended.cancelled++
      else this.ended.finished++
    })
    const [behaviour = '', count = '1', ...quoted] = sql.replace(/^INSERT /, '').split(' ')
    if (behaviour === 'hang-before-headers') return
    this.#start(stream)
    if (behaviour === 'no-schema') {
      stream.write(framed(batch()))
      this.#end(stream, 0)
      return
    }
    stream.write(framed(frame(behaviour === 'text' ? schemaOf('i', 'u') : schema)))
    for (let i = 0; i < Number(count) && !stream.destroyed; i++) {
      if (!stream.write(framed(batch()))) await drained(stream)
      if (behaviour === 'drip') await new Promise((resolve) => setTimeout(resolve, 30))
    }
    if (stream.destroyed) return
    switch (behaviour) {
      case 'hang':
        return
      case 'rst':
        stream.close(2)
        return
      case 'cut':
        stream.session?.socket.destroy()
        return
      case 'goaway':
        stream.session?.goaway(0)
        await new Promise((resolve) => setTimeout(resolve, 50))
        stream.write(framed(batch()))
        break
      case 'short':
        stream.write(framed(batch(8)))
        break
      case 'truncated':
        stream.write(framed(batch()).subarray(0, 100))
        break
      case 'second-schema':
        stream.write(framed(frame(schemaOf('other'))))
        break
      case 'no-status':
        stream.close(0)
        return
      case 'fail':
        this.#end(stream, 13, `it broke ${quoted.join(' ')}\n\tat java.lang.Secret(Internal.java:1)`)
        return
      case 'unavailable':
        this.#end(stream, 14, `out of memory on node 7 ${quoted.join(' ')}`)
        return
    }
    this.#end(stream, 0)
  }

  #start(stream: ServerHttp2Stream, more: Record<string, string> = {}): void {
    const cookie = this.session !== undefined && { 'set-cookie': `session=${this.session}; Path=/` }
    const headers = { ':status': 200, 'content-type': 'application/grpc', ...cookie, ...more }
    stream.respond(headers, { waitForTrailers: true })
  }

  #end(stream: ServerHttp2Stream, status: number, message = ''): void {
    stream.once('wantTrailers', () =>
      stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) }),
    )
    stream.end()
  }
}

/** Waits until more can be written, or nothing more will be taken. */
function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}

/** The first message of a request. */
function firstOf(body: Buffer): Buffer {
  return body.subarray(5, 5 + body.readUInt32BE(1))
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([prefix, message])
}

function frame(header: Uint8Array, body: Uint8Array = none): Buffer {
  return Buffer.concat(frameOf(header, body, 0).chunks)
}

/** @param missing bytes that the body is too short */
function batch(missing = 0): Buffer {
  const bytes = 8 * BATCH_ROWS
  const layout = { rows: BATCH_ROWS, nodes: [BATCH_ROWS, 0], buffers: [0, 0, 0, bytes], bodyLength: bytes }
  return frame(encodeRecordBatch(layout), new Uint8Array(bytes - missing))
}
