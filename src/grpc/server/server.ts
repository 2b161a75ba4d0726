import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createSecureServer, type Server as SecureServer, type TLSSocket } from 'node:tls'
import {
  ErrorCode,
  encodeHeaders,
  type HeaderFields,
  Http2ServerConnection,
  type ServerStream,
} from '../../http2/index.ts'
import { stoppedError } from '../../query/drain-gate.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Principal } from '../../query/types.ts'
import { type CallOwner, GrpcCall } from './call.ts'
import { type Certificate, tlsOptions } from './certificate.ts'
import { type ConnectionLimits, Connections } from './connections/connections.ts'
import { headerOf, parseTimeoutMs, requestIdOf } from './metadata.ts'
import { type Method, type Methods, OPEN_REQUEST_BYTES } from './method.ts'
import { awaitCaller } from './requests/await-caller.ts'
import { DecompressionLimiter } from './requests/decompression-limiter.ts'
import { MemoryBudget, type MemoryPool, type MemoryShare } from './requests/memory-budget.ts'
import type { BodyLimits } from './requests/request-body.ts'
import { TimeSlices } from './requests/time-slices.ts'
import { toGatewayError } from './status.ts'

/** Limits of the server; see `docs/configuration.md`, `limits`. */
export interface GrpcLimits extends ConnectionLimits {
  readonly maxStreamsPerConnection: number
  readonly maxMetadataBytes: number
  readonly maxInboundMessageBytes: number
  readonly maxInFlightBytesPerCall: number
  readonly maxInFlightBytes: number
  readonly maxRequestMemoryBytes: number
  readonly stallTimeoutMs: number
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
}

/** Returns at once if it can, since this runs for each call. */
type Authenticate = (headers: HeaderFields, socket: Socket) => Principal | Promise<Principal>

/** Receives the server's events. */
export interface GrpcObserver {
  /** A call has begun, and its caller is authenticated unless the method is open. Not called for methods in the background. */
  onBegin?(call: GrpcCall): void
  onEnd(call: GrpcCall, error: GatewayError | undefined): void
}

export interface GrpcServerOptions {
  readonly methods: Methods
  /** Authenticates the caller from the headers, for methods that are not open. Throws GatewayError, also as a rejection. */
  readonly authenticate: Authenticate
  readonly limits: GrpcLimits
  readonly observer: GrpcObserver
  readonly tls?: Certificate
}

const STREAM_WINDOW_BYTES = 1 << 20
const CONNECTION_WINDOW_BYTES = 8 << 20
const refusals = {
  405: encodeHeaders([
    [':status', '405'],
    ['content-type', 'text/plain; charset=utf-8'],
    ['allow', 'POST'],
  ]),
  415: encodeHeaders([
    [':status', '415'],
    ['content-type', 'text/plain; charset=utf-8'],
  ]),
}
const REFUSAL_GRACE_MS = 1000
/** Memory overhead of a call beyond its headers and body, in bytes. */
const CALL_BYTES = 2 << 10
/** A call that is refused memory costs this many idle frames: about 100 at once end the connection. */
const REFUSED_MEMORY_COST = 100
const openBodyLimits: BodyLimits = { maxMessageBytes: OPEN_REQUEST_BYTES, maxBodyBytes: OPEN_REQUEST_BYTES }
const noHeaders: HeaderFields = {}
/** Paths of unknown methods are kept up to this length. */
const MAX_UNKNOWN_PATH_LENGTH = 256
const noTrailers = Buffer.alloc(0)
const refusalText = Buffer.from('This port speaks gRPC (Arrow Flight) only.\n')

/** A connection's memory shares, for calls with and without credentials. */
interface Shares {
  readonly authenticated: MemoryShare
  readonly anonymous: MemoryShare
}

/**
 * A gRPC server. It writes result frames to the socket without copying, and the headers, message and status of a small response
 * in one write; general libraries copy each message and send the status on its own.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
 */
export class GrpcServer implements CallOwner {
  readonly limits: GrpcLimits
  readonly timeSlices = new TimeSlices()
  readonly decompressions = new DecompressionLimiter()
  inFlightBytes = 0
  readonly #budget: MemoryBudget
  readonly #bodyLimits: BodyLimits
  readonly #authenticate: Authenticate
  readonly #methods: ReadonlyMap<string, Method>
  readonly #observer: GrpcObserver
  readonly #tls: Certificate | undefined
  /** One for each address. */
  readonly #servers: (Server | SecureServer)[] = []
  readonly #connections: Connections
  /** Calls in progress, without background calls. */
  readonly calls = new Set<GrpcCall>()
  /** Calls that a drain does not wait for, such as health watches. */
  readonly #background = new Set<GrpcCall>()
  #closing = false

  constructor({ methods, authenticate, limits, observer, tls }: GrpcServerOptions) {
    // A map, since a client may request a name that every object inherits.
    this.#methods = new Map(Object.entries(methods))
    this.#authenticate = authenticate
    this.limits = limits
    this.#observer = observer
    this.#budget = new MemoryBudget(limits.maxRequestMemoryBytes, limits.maxInboundMessageBytes)
    this.#bodyLimits = { maxMessageBytes: limits.maxInboundMessageBytes, maxBodyBytes: Number.POSITIVE_INFINITY }
    this.#connections = new Connections(limits)
    this.#tls = tls
  }

  /** Number of calls in progress, without background calls. */
  get callCount(): number {
    return this.calls.size
  }

  /** Number of client connections. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Memory held by requests and small responses, in bytes. */
  get requestMemoryBytes(): number {
    return this.#budget.heldBytes
  }

  /** Uses this certificate for new connections. */
  setCertificate(certificate: Certificate): void {
    for (const server of this.#servers) if ('setSecureContext' in server) server.setSecureContext(certificate)
  }

  /**
   * Listens, also on several addresses; port 0 selects a free port.
   * @param isPlain whether this address has no TLS
   * @param exclusive whether other workers do not share the address
   * @returns the bound address
   */
  async listen(host: string, port: number, { isPlain = false, exclusive = false } = {}): Promise<AddressInfo> {
    const server = this.#createServer(isPlain ? undefined : this.#tls)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host, exclusive }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    this.#servers.push(server)
    return server.address() as AddressInfo
  }

  /**
   * Ends running calls and stops listening. Calls that may have changed data end as CANCELLED, the others as DRAINING.
   * @returns number of cancelled calls
   */
  async close(): Promise<number> {
    this.#closing = true
    const cut = this.calls.size
    // A reset would overtake the status of a call whose client reads slowly, and look like the client's own cancellation.
    for (const call of [...this.calls, ...this.#background]) call.end(stoppedError(call))
    const closed = Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    )
    this.#connections.close()
    const patience = setTimeout(() => this.#connections.destroy(), 500)
    await closed
    clearTimeout(patience)
    this.#connections.destroy()
    return cut
  }

  onAuthenticated(connection: Http2ServerConnection): void {
    this.#connections.authenticated(connection)
  }

  onEnd(call: GrpcCall, error: GatewayError | undefined): void {
    this.calls.delete(call)
    this.#background.delete(call)
    // Later, so that the client does not wait for the observer.
    setImmediate(() => this.#observer.onEnd(call, error))
  }

  #createServer(tls: Certificate | undefined): Server | SecureServer {
    const { handshakeTimeoutMs: handshakeTimeout } = this.limits
    const server = tls ? createSecureServer({ ...tlsOptions(tls), handshakeTimeout }) : createServer()
    // Before TLS, so that sockets that never finish the handshake count too.
    server.on('connection', (socket: Socket) => {
      if (!this.#connections.admit(socket)) socket.destroy()
      else if (!tls) this.#onConnection(socket)
    })
    server.on('tlsClientError', (_, socket: Socket) => socket.destroy())
    if (tls) server.on('secureConnection', (socket: Socket) => this.#onConnection(socket))
    return server
  }

  #onConnection(socket: Socket): void {
    if ('alpnProtocol' in socket && (socket as TLSSocket).alpnProtocol !== 'h2') {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    const floods = this.#connections.floodsOf(socket)
    const options = {
      windowBytes: STREAM_WINDOW_BYTES,
      connectionWindowBytes: CONNECTION_WINDOW_BYTES,
      maxStreams: this.limits.maxStreamsPerConnection,
      maxHeaderListBytes: this.limits.maxMetadataBytes,
      ...(floods && { addressFloods: floods }),
    }
    const connection: Http2ServerConnection = new Http2ServerConnection(socket, options, {
      onStream: (stream, fields) => {
        this.#connections.streamOpened(connection)
        this.#onStream(connection, stream, fields, shares)
      },
      onStreamClose: () => this.#connections.streamClosed(connection),
      onClose: () => {
        this.#connections.remove(connection)
        shares.authenticated.close()
        shares.anonymous.close()
      },
    })
    // Later, since the connection is processing a frame now and `charge` may end it.
    const onRefused = () => setImmediate(() => connection.charge(REFUSED_MEMORY_COST))
    const connect = (pool: MemoryPool) => pool.connect(connection.address, onRefused)
    const shares = { authenticated: connect(this.#budget.authenticated), anonymous: connect(this.#budget.anonymous) }
    this.#connections.add(connection)
    if (this.#closing) connection.close()
  }

  #onStream(connection: Http2ServerConnection, stream: ServerStream, headers: HeaderFields, shares: Shares): void {
    const contentType = headerOf(headers, 'content-type') ?? ''
    if (headers[':method'] !== 'POST' || !contentType.startsWith('application/grpc')) {
      refuse(stream, headers[':method'] === 'POST' ? 415 : 405)
      return
    }
    const path = headerOf(headers, ':path') ?? ''
    const method = this.#methods.get(path)
    const request = {
      path: method || path.length <= MAX_UNKNOWN_PATH_LENGTH ? path : '',
      requestId: requestIdOf(headers),
      deadlineAt: this.#deadlineOf(headers),
      body: method?.open ? openBodyLimits : this.#bodyLimits,
    }
    const begin = (principal: Principal | undefined) => {
      if (principal) this.#connections.authenticated(connection)
      const memory = (principal ? shares.authenticated : shares.anonymous).openCall()
      memory.take(stream.requestHeaderBytes + CALL_BYTES)
      const call = new GrpcCall(connection, stream, { ...request, headers, principal, memory }, this)
      const { background } = method!
      ;(background ? this.#background : this.calls).add(call)
      if (!background) this.#observer.onBegin?.(call)
      return () => dispatch(method!, call)
    }
    const answerError = (error: unknown) => {
      // Keep no headers while the client is told of the error.
      const nothing = { headers: noHeaders, principal: undefined, memory: shares.anonymous.openCall() }
      new GrpcCall(connection, stream, { ...request, ...nothing }, this).end(toGatewayError(error))
    }
    let start: () => void
    try {
      const found = this.#callerOf(method, headers, connection.socket)
      if (found instanceof Promise) {
        const memory = shares.anonymous.openCall()
        memory.take(stream.requestHeaderBytes + CALL_BYTES)
        awaitCaller(stream, found, memory, (principal) => begin(this.#stillServes(principal)), answerError)
        return
      }
      start = begin(found)
    } catch (error) {
      answerError(error)
      return
    }
    start()
  }

  /** @throws GatewayError DRAINING if the server has closed while it authenticated the caller */
  #stillServes(principal: Principal): Principal {
    if (this.#closing) throw new GatewayError('DRAINING')
    return principal
  }

  /**
   * Authenticates the caller before any work is done for the call; returns undefined for open methods.
   * @throws GatewayError UNIMPLEMENTED, DRAINING, UNAUTHENTICATED, EXPIRED_TOKEN
   */
  #callerOf(
    method: Method | undefined,
    headers: HeaderFields,
    socket: Socket,
  ): Principal | Promise<Principal> | undefined {
    if (!method) throw new GatewayError('UNIMPLEMENTED', 'There is no such method.')
    if (this.#closing) throw new GatewayError('DRAINING')
    return method.open ? undefined : this.#authenticate(headers, socket)
  }

  #deadlineOf(headers: HeaderFields): number {
    const text = headerOf(headers, 'grpc-timeout')
    const askedMs = text === undefined ? this.limits.defaultDeadlineMs : parseTimeoutMs(text)
    return Date.now() + Math.min(askedMs ?? this.limits.defaultDeadlineMs, this.limits.maxDeadlineMs)
  }
}

/** Rejects a request that is not gRPC; discards its body, and resets the stream after 1 s. */
function refuse(stream: ServerStream, status: keyof typeof refusals): void {
  const timer = setTimeout(() => stream.reset(ErrorCode.noError), REFUSAL_GRACE_MS)
  stream.listener = {
    onData: (bytes) => stream.credit(bytes.byteLength),
    onEnd() {},
    onClose: () => clearTimeout(timer),
  }
  stream.respond(refusals[status])
  stream.write([refusalText])
  stream.end(noTrailers)
}

function dispatch(method: Method, call: GrpcCall): void {
  const fail = (error: unknown) => call.end(toGatewayError(error))
  if (method.kind === 'bidi') {
    const requests = call.requests()
    method.handle(requests, call).then(() => call.end(), fail)
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
