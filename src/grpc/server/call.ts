import type { Frame } from '../../arrow/ipc/frame.ts'
import {
  ErrorCode,
  encodeHeaders,
  type HeaderFields,
  type Http2ServerConnection,
  type RequestListener,
  type ServerStream,
} from '../../http2/index.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Span } from '../../query/tracing/span.ts'
import type { Principal } from '../../query/types.ts'
import { prefixOf } from '../message-prefix.ts'
import { headerOf, type Metadata, toHeaderFields } from './metadata.ts'
import type { CallMemory } from './requests/memory-budget.ts'
import { type BodyLimits, type BodyOwner, RequestBody } from './requests/request-body.ts'
import { StallTimer } from './requests/stall-timer.ts'
import { statusTrailers } from './status.ts'

/** What calls share: limits, the counter of bytes in flight, and the receiver of events. */
export interface CallOwner extends BodyOwner {
  readonly limits: BodyOwner['limits'] & {
    readonly maxInFlightBytesPerCall: number
    /** Above this total, each call sends one message at a time. */
    readonly maxInFlightBytes: number
  }
  /** Bytes passed to HTTP/2 that the sockets have not taken yet, over all calls. */
  inFlightBytes: number
  /** A call on this connection was authenticated. */
  onAuthenticated(connection: Http2ServerConnection): void
  onEnd(call: GrpcCall, error: GatewayError | undefined): void
}

/** A call's headers, and what follows from them. */
export interface CallRequest {
  readonly path: string
  readonly headers: HeaderFields
  readonly requestId: string
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
  /** The caller; undefined for open methods, which are not authenticated. */
  readonly principal: Principal | undefined
  readonly body: BodyLimits
  /** Memory account of the call; the headers are counted already. */
  readonly memory: CallMemory
}

const responseHeaders: Readonly<Record<string, string>> = {
  ':status': '200',
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,gzip',
}
const plainHeaders = encodeHeaders(Object.entries(responseHeaders))
const plainSuccess = encodeHeaders(Object.entries(statusTrailers(undefined, '')))
const NO_TRAILERS: Metadata = {}
/** Bytes that may be pending when a call counts as flushed: less than a socket takes at once. */
const SETTLED_BYTES = 64 << 10
const REFUSED_UPLOAD_GRACE_MS = 1000
/** Bytes of small messages that may be pending before the next message waits for the client. */
const MAX_PENDING_BYTES = 64 << 10
const MAX_TIMER_MS = 2_147_483_647

/**
 * One gRPC call on its HTTP/2 stream: requests in, messages out under the client's backpressure, one status at the end.
 * The first cause that ends the call wins (the handler, the deadline, the client, the shutdown); later ones are ignored.
 */
export class GrpcCall implements RequestListener {
  readonly path: string
  readonly headers: HeaderFields
  readonly requestId: string
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
  readonly #principal: Principal | undefined
  readonly #memory: CallMemory
  readonly startedAt = performance.now()
  /** Duration of the call, set when it ends. */
  durationMs = 0
  /** Whether the call may have changed data, so that its client must not repeat it unseen. */
  mayHaveChanged = false
  /** Set when the call begins, if tracing is on. */
  span: Span | undefined
  /** Initial metadata to send besides those of `sendHeaders`. */
  initialMetadata: Metadata | undefined
  /** Trailers to send besides the status. */
  trailers: Metadata = NO_TRAILERS
  readonly #connection: Http2ServerConnection
  readonly #stream: ServerStream
  readonly #body: RequestBody
  readonly #owner: CallOwner
  readonly #timer: NodeJS.Timeout | undefined
  #controller: AbortController | undefined
  #ended = false
  #error: GatewayError | undefined
  #pendingBytes = 0
  #progress: (() => void) | undefined
  /** Runs while bytes are pending for the client. */
  readonly #stall: StallTimer
  /** Resets the stream if the client does not close it after the call has ended. */
  #graceTimer: NodeJS.Timeout | undefined

  constructor(connection: Http2ServerConnection, stream: ServerStream, request: CallRequest, owner: CallOwner) {
    const { path, headers, requestId, deadlineAt, principal, body, memory } = request
    this.#connection = connection
    this.#stream = stream
    this.headers = headers
    this.path = path
    this.requestId = requestId
    this.deadlineAt = deadlineAt
    this.#principal = principal
    this.#memory = memory
    this.#owner = owner
    this.#body = new RequestBody(stream, this.header('grpc-encoding') ?? 'identity', body, owner, memory, connection)
    this.#stall = new StallTimer(owner.limits.stallTimeoutMs, (seconds) => this.#onStall(seconds))
    stream.listener = this
    const leftMs = deadlineAt - Date.now()
    if (leftMs < MAX_TIMER_MS)
      this.#timer = setTimeout(() => this.end(new GatewayError('DEADLINE')), Math.max(0, leftMs))
  }

  onData(bytes: Buffer): void {
    this.#body.push(bytes)
  }

  onEnd(): void {
    this.#body.complete()
  }

  onClose(): void {
    clearTimeout(this.#graceTimer)
    if (!this.#ended) this.end(new GatewayError('CANCELLED', 'The client cancelled the call.'))
    this.#memory.close()
  }

  /** Whether the call was authenticated by its headers. */
  get isAuthenticated(): boolean {
    return this.#principal !== undefined
  }

  /** The caller. @throws GatewayError UNAUTHENTICATED for an open method, which is not authenticated */
  get principal(): Principal {
    if (!this.#principal) throw new GatewayError('UNAUTHENTICATED')
    return this.#principal
  }

  /** Aborts when the call ends with an error, which is the reason (a GatewayError). */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#error && !this.#controller.signal.aborted) this.#controller.abort(this.#error)
    return this.#controller.signal
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The client's address and port, for the log. */
  get peer(): string {
    return this.#connection.peer
  }

  /** Reports that the caller's credentials are valid or not required, so that the server keeps the connection. */
  markAuthenticated(): void {
    this.#owner.onAuthenticated(this.#connection)
  }

  /** The client's connection. */
  get connection(): Http2ServerConnection {
    return this.#connection
  }

  /** First value of a request header. */
  header(name: string): string | undefined {
    return headerOf(this.headers, name)
  }

  /** Sends the initial metadata; otherwise they are sent with the first message. */
  sendHeaders(metadata?: Metadata): void {
    if (this.#stream.headersSent) return
    const all = this.initialMetadata ? { ...this.initialMetadata, ...metadata } : metadata
    this.#stream.respond(
      all ? encodeHeaders(Object.entries({ ...responseHeaders, ...toHeaderFields(all) })) : plainHeaders,
    )
  }

  /**
   * Sends one small message, after the client has taken most of the earlier ones.
   * @throws GatewayError as `send`; QUEUE_FULL
   */
  async sendMessage(message: Uint8Array): Promise<void> {
    while (this.#pendingBytes > 0 && this.#pendingBytes + message.byteLength > MAX_PENDING_BYTES)
      await this.#nextProgress()
    if (this.#ended || this.#stream.closed) throw this.#error ?? new GatewayError('CANCELLED')
    this.#answer(message)
    if (this.#error) throw this.#error
  }

  /** Sends the only message of a call and ends it. */
  reply(message: Uint8Array): void {
    if (this.#ended) return
    this.#answer(message)
    this.end()
  }

  /**
   * Sends a frame without copying its chunks, after the client has taken enough of the earlier ones. Always releases the frame.
   * @throws GatewayError why the call has ended, for example STALLED
   */
  async send(frame: Frame): Promise<void> {
    try {
      const owner = this.#owner
      const limit = () =>
        owner.inFlightBytes > owner.limits.maxInFlightBytes ? 0 : owner.limits.maxInFlightBytesPerCall
      while (this.#pendingBytes > 0 && this.#pendingBytes + frame.byteLength > limit()) await this.#nextProgress()
      if (this.#ended || this.#stream.closed) throw this.#error ?? new GatewayError('CANCELLED')
    } catch (error) {
      frame.release?.()
      throw error
    }
    this.#write(frame)
  }

  /**
   * Waits until the client's connection has taken all messages except the last 64 KiB, which go out with the status.
   * @throws GatewayError as `send`
   */
  async flushed(): Promise<void> {
    while (this.#pendingBytes > SETTLED_BYTES) await this.#nextProgress()
  }

  /** Ends the call with a status; only the first `end` has an effect. */
  end(error?: GatewayError): void {
    if (this.#ended) return
    const stream = this.#stream
    const pending = this.#pendingBytes > 0
    this.#close(error)
    if (stream.closed) return
    if (error?.code === 'STALLED') {
      // Trailers would queue behind data that the client does not read.
      stream.reset(ErrorCode.enhanceYourCalm)
      return
    }
    if (!error) this.sendHeaders()
    stream.end(this.#trailersBlock(error))
    if (stream.closed) return
    // Let the status go out first, then reset the stream of a client that keeps sending or does not take the status.
    if (!stream.remoteEnded)
      this.#graceTimer = setTimeout(() => stream.reset(ErrorCode.noError), REFUSED_UPLOAD_GRACE_MS)
    else if (error && pending)
      this.#graceTimer = setTimeout(() => stream.reset(ErrorCode.cancel), this.#owner.limits.stallTimeoutMs)
  }

  /**
   * Yields the decompressed request messages under backpressure; ends when the client has half-closed the stream.
   * @throws GatewayError TOO_LARGE, BAD_REQUEST, CANCELLED
   */
  requests(): AsyncGenerator<Buffer, void, undefined> {
    return this.#body.messages()
  }

  /** Reads the single request of a unary or server-streaming call. */
  readRequest(done: (request: Buffer) => void): void {
    this.#body.single(
      (message) => {
        if (!this.#ended) done(message)
      },
      (error) => this.end(GatewayError.from(error)),
    )
  }

  /** Encodes the trailers; if no headers were sent, the block includes them (trailers-only). */
  #trailersBlock(error: GatewayError | undefined): Buffer {
    if (!error && this.trailers === NO_TRAILERS) return plainSuccess
    const trailers = { ...toHeaderFields(this.trailers), ...statusTrailers(error, this.requestId) }
    const headers = { ...responseHeaders, ...toHeaderFields(this.initialMetadata ?? {}) }
    return encodeHeaders(Object.entries(this.#stream.headersSent ? trailers : { ...headers, ...trailers }))
  }

  /** Writes a small message. If the client's flow-control window blocks it, it counts as memory of the call. */
  #answer(message: Uint8Array): void {
    const frame: { -readonly [K in keyof Frame]: Frame[K] } = {
      chunks: [message],
      byteLength: message.byteLength,
      rows: 0,
    }
    this.#write(frame)
    if (!this.#stream.isBlocked) return
    try {
      this.#memory.take(message.byteLength)
      frame.release = () => this.#memory.give(message.byteLength)
    } catch (error) {
      this.end(GatewayError.from(error))
      // Trailers would queue behind data that the client does not read.
      this.#stream.reset(ErrorCode.enhanceYourCalm)
    }
  }

  #write(frame: Frame): void {
    this.sendHeaders()
    const { byteLength, chunks } = frame
    this.#pendingBytes += byteLength
    this.#owner.inFlightBytes += byteLength
    const onTaken = () => {
      this.#pendingBytes -= byteLength
      const waits = this.#pendingBytes > 0
      if (this.#stall.isRunning && !(this.#ended && waits)) this.#stall.watch(waits)
      this.#owner.inFlightBytes -= byteLength
      frame.release?.()
      this.#progress?.()
    }
    // Send a schema at once, since clients process it immediately; batches may wait to coalesce.
    this.#stream.write([prefixOf(byteLength), ...chunks], onTaken, frame.rows !== 0)
    // Bytes in the socket need no stall timer: keepalive PINGs detect a client that stops reading.
    if (!this.#stall.isRunning && this.#stream.isBlocked) this.#stall.watch(true)
  }

  /** Waits until the client has taken a message, or the call has ended. */
  #nextProgress(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#progress = () => {
        this.#progress = undefined
        if (this.#error) reject(this.#error)
        else resolve()
      }
      if (this.#error) this.#progress()
    })
  }

  #onStall(seconds: number): void {
    // The status is queued behind data that the client does not read.
    if (this.#ended) this.#stream.reset(ErrorCode.enhanceYourCalm)
    this.end(new GatewayError('STALLED', `The client took no data for ${seconds} s (limits.stallTimeoutMs).`))
  }

  #close(error: GatewayError | undefined): void {
    this.#ended = true
    this.durationMs = performance.now() - this.startedAt
    this.#error = error
    clearTimeout(this.#timer)
    if (error) this.#body.fail(error)
    else this.#body.drop()
    if (error) {
      this.#stall.stop()
      this.#controller?.abort(error)
      this.#progress?.()
    }
    this.#owner.onEnd(this, error)
  }
}
