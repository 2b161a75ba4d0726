import { randomUUID } from 'node:crypto'
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
import { GatewayError } from '../../query/errors.ts'
import type { Certificate } from '../certificate.ts'
import { toGatewayError } from '../status.ts'
import { type CallOwner, GrpcCall } from './call.ts'
import { type ConnectionLimits, Connections } from './connections.ts'
import { headerOf, parseTimeoutMs } from './metadata.ts'
import type { Method, Methods } from './method.ts'

/** Limits of the server; see `docs/configuration.md`, `limits`. */
export interface GrpcLimits extends ConnectionLimits {
  readonly maxConnections: number
  readonly handshakeTimeoutMs: number
  readonly maxStreamsPerConnection: number
  readonly maxMetadataBytes: number
  readonly maxInboundMessageBytes: number
  readonly maxInFlightBytesPerCall: number
  readonly maxInFlightBytes: number
  readonly stallTimeoutMs: number
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
}

/** What the server tells its owner. */
export interface GrpcObserver {
  onEnd(call: GrpcCall, error: GatewayError | undefined): void
}

export interface GrpcServerOptions {
  readonly methods: Methods
  readonly limits: GrpcLimits
  readonly observer: GrpcObserver
  readonly tls?: Certificate
}

const STREAM_WINDOW_BYTES = 1 << 20
const CONNECTION_WINDOW_BYTES = 8 << 20
/** HTTP/2's own bound would refuse streams while results wait for slow clients; ours are in bytes per call and in all. */
const SESSION_MEMORY_MB = 65_536
/** Clients behind one proxy share a connection: a burst of ordinary cancels must not end it for all of them. */
const STREAM_RESET_BURST = 4000
const STREAM_RESET_RATE = 400

/**
 * A gRPC server on node:http2. Result frames reach the socket as the buffers they came in; the general library for Node
 * copies each message once more and leaves flow control, stalled readers and limits of a connection out of reach.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
export class GrpcServer implements CallOwner {
  readonly maxInboundMessageBytes: number
  readonly maxInFlightBytesPerCall: number
  readonly maxInFlightBytes: number
  readonly stallTimeoutMs: number
  inFlightBytes = 0
  readonly #methods: Methods
  readonly #limits: GrpcLimits
  readonly #observer: GrpcObserver
  readonly #server: Http2Server | Http2SecureServer
  readonly #connections: Connections
  readonly #calls = new Set<GrpcCall>()
  /** Health watches and the like, which are no work. */
  readonly #background = new Set<GrpcCall>()
  #closing = false

  constructor({ methods, limits, observer, tls }: GrpcServerOptions) {
    this.#methods = methods
    this.#limits = limits
    this.#observer = observer
    this.maxInboundMessageBytes = limits.maxInboundMessageBytes
    this.maxInFlightBytesPerCall = limits.maxInFlightBytesPerCall
    this.maxInFlightBytes = limits.maxInFlightBytes
    this.stallTimeoutMs = limits.stallTimeoutMs
    this.#connections = new Connections(limits)
    const options = {
      maxSessionMemory: SESSION_MEMORY_MB,
      streamResetBurst: STREAM_RESET_BURST,
      streamResetRate: STREAM_RESET_RATE,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: limits.maxStreamsPerConnection,
        maxHeaderListSize: limits.maxMetadataBytes,
      },
    }
    this.#server = tls
      ? createSecureServer({ ...options, ...tls, allowHTTP1: false, handshakeTimeout: limits.handshakeTimeoutMs })
      : createServer(options)
    this.#server.maxConnections = limits.maxConnections
    this.#server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
      this.#connections.add(session)
    })
    this.#server.on('sessionError', () => {})
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
      this.#onStream(stream, headers),
    )
  }

  /** Calls in progress. */
  get callCount(): number {
    return this.#calls.size
  }

  /** Client connections. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Shows this certificate to new connections. */
  setCertificate(certificate: Certificate): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(certificate)
  }

  /** Listens; answers with the address it got (port 0 asks for a free one). */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    return this.#server.address() as AddressInfo
  }

  /**
   * Ends the calls that run and stops listening.
   * @returns how many calls were cut off
   */
  async close(): Promise<number> {
    this.#closing = true
    const cut = this.#calls.size
    for (const call of [...this.#calls, ...this.#background])
      call.abort(new GatewayError('CANCELLED', 'The gateway is shutting down.'))
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#connections.close()
    const patience = setTimeout(() => this.#connections.destroy(), 500)
    await closed
    clearTimeout(patience)
    this.#connections.destroy()
    return cut
  }

  onEnd(call: GrpcCall, error: GatewayError | undefined): void {
    this.#calls.delete(call)
    this.#background.delete(call)
    // The client need not wait for it.
    setImmediate(() => this.#observer.onEnd(call, error))
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { session } = stream
    if (session) {
      this.#connections.streamOpened(session as ServerHttp2Session)
      stream.once('close', () => this.#connections.streamClosed(session as ServerHttp2Session))
    }
    const contentType = headerOf(headers, 'content-type') ?? ''
    if (headers[':method'] !== 'POST' || !contentType.startsWith('application/grpc')) {
      stream.on('error', () => {})
      stream.respond({ ':status': headers[':method'] === 'POST' ? 415 : 405 }, { endStream: true })
      return
    }
    const call = new GrpcCall(stream, headers, requestIdOf(headers), this.#deadlineOf(headers), this)
    const method = this.#methods[call.path]
    if (method?.background) this.#background.add(call)
    else this.#calls.add(call)
    if (!method) call.end(new GatewayError('UNIMPLEMENTED', 'There is no such method.'))
    else if (this.#closing) call.end(new GatewayError('DRAINING'))
    else dispatch(method, call)
    if (call.ended) stream.resume()
  }

  #deadlineOf(headers: IncomingHttpHeaders): number {
    const text = headerOf(headers, 'grpc-timeout')
    const askedMs = text === undefined ? this.#limits.defaultDeadlineMs : parseTimeoutMs(text)
    return Date.now() + Math.min(askedMs ?? this.#limits.defaultDeadlineMs, this.#limits.maxDeadlineMs)
  }
}

function dispatch(method: Method, call: GrpcCall): void {
  const fail = (error: unknown) => call.end(toGatewayError(error))
  if (method.kind === 'bidi') {
    const requests = call.requests()
    method
      .handle(requests, call)
      .then(() => call.end(), fail)
      .finally(async () => {
        await requests.return()
        call.discardRequests()
      })
    return
  }
  call.readRequest((request) => {
    try {
      if (method.kind === 'serverStream') method.handle(request, call).then(() => call.end(), fail)
      else {
        const answer = method.handle(request, call)
        if (answer instanceof Promise) answer.then((message) => call.reply(message), fail)
        else call.reply(answer)
      }
    } catch (error) {
      fail(error)
    }
  })
}

const requestIdPattern = /^[\w.:-]{1,128}$/

function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headerOf(headers, 'x-request-id')
  return given !== undefined && requestIdPattern.test(given) ? given : randomUUID()
}
