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
import type { ClientConnection, Principal } from '../../query/types.ts'
import { prefixOf } from '../message-prefix.ts'
import { headerOf, type Metadata, toHeaderFields } from './metadata.ts'
import type { Holding } from './requests/memory-budget.ts'
import { type BodyLimits, type BodyOwner, RequestBody } from './requests/request-body.ts'
import { StallTimer } from './requests/stall-timer.ts'
import { statusTrailers } from './status.ts'

/** What calls share: their limits, the bytes they hold together, and who is told when one has ended. */
export interface CallOwner extends BodyOwner {
  readonly maxInFlightBytesPerCall: number
  /** Above this much each call goes down to one message at a time. */
  readonly maxInFlightBytes: number
  /** Bytes handed to HTTP/2 and not yet taken by the sockets, over all calls. */
  inFlightBytes: number
  /** A call on this connection has been authenticated. */
  onAuthenticated(connection: Http2ServerConnection): void
  onEnd(call: GrpcCall, error: GatewayError | undefined): void
}

/** What is known of a call from its headers. */
export interface CallRequest {
  readonly path: string
  readonly headers: HeaderFields
  readonly requestId: string
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
  /** Who calls; undefined where nobody has asked. */
  readonly principal: Principal | undefined
  readonly body: BodyLimits
  /** Its memory, with the headers counted already. */
  readonly holding: Holding
}

const responseHeaders: Readonly<Record<string, string>> = {
  ':status': '200',
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,gzip',
}
const plainHeaders = encodeHeaders(Object.entries(responseHeaders))
const plainSuccess = encodeHeaders(Object.entries(statusTrailers(undefined, '')))
const NO_TRAILERS: Metadata = {}
/** What may be on its way still when a call counts as done: less than sockets take at once. */
const SETTLED_BYTES = 64 << 10
const REFUSED_UPLOAD_GRACE_MS = 1000
/** Of small messages, what may wait for the client before the next one does. */
const MAX_WAITING_BYTES = 64 << 10
const MAX_TIMER_MS = 2_147_483_647

/**
 * One gRPC call on its HTTP/2 stream: requests in, messages out under the client's backpressure, one status at the end.
 * Whatever ends a call first (the handler, the deadline, the client, the shutdown) wins; the rest is ignored.
 */
export class GrpcCall implements RequestListener {
  readonly path: string
  readonly headers: HeaderFields
  readonly requestId: string
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
  readonly #principal: Principal | undefined
  readonly #holding: Holding
  readonly startedAt = performance.now()
  /** How long it took, once it has ended. */
  durationMs = 0
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
  /** Runs while bytes wait for the client, whoever waits for what meanwhile. */
  readonly #stall: StallTimer
  /** Cuts off a client that does not let go of a call that has ended. */
  #graceTimer: NodeJS.Timeout | undefined

  constructor(connection: Http2ServerConnection, stream: ServerStream, request: CallRequest, owner: CallOwner) {
    const { path, headers, requestId, deadlineAt, principal, body, holding } = request
    this.#connection = connection
    this.#stream = stream
    this.headers = headers
    this.path = path
    this.requestId = requestId
    this.deadlineAt = deadlineAt
    this.#principal = principal
    this.#holding = holding
    this.#owner = owner
    this.#body = new RequestBody(stream, this.header('grpc-encoding') ?? 'identity', body, owner, holding, connection)
    this.#stall = new StallTimer(owner.stallTimeoutMs, (seconds) => this.#onStall(seconds))
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
    this.#holding.close()
  }

  /** Whether the caller's credentials are known to be good. */
  get isAuthenticated(): boolean {
    return this.#principal !== undefined
  }

  /** Who calls, as the headers say. @throws GatewayError UNAUTHENTICATED for a method that does not ask */
  get principal(): Principal {
    if (!this.#principal) throw new GatewayError('UNAUTHENTICATED')
    return this.#principal
  }

  /** Aborts with a GatewayError as reason when the call ends otherwise than by its handler's success. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#error && !this.#controller.signal.aborted) this.#controller.abort(this.#error)
    return this.#controller.signal
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Address of the peer, for the log. */
  get peer(): string {
    return this.#connection.peer
  }

  /** Says that the caller's credentials are good, or that none are asked for: its connection may stay. */
  markAuthenticated(): void {
    this.#owner.onAuthenticated(this.#connection)
  }

  /** The client's connection. */
  get connection(): ClientConnection {
    return this.#connection
  }

  /** First value of a request header. */
  header(name: string): string | undefined {
    return headerOf(this.headers, name)
  }

  /** Sends the initial metadata; without this call they go out with the first message. */
  sendHeaders(metadata?: Metadata): void {
    if (this.#stream.headersSent) return
    this.#stream.respond(
      metadata ? encodeHeaders(Object.entries({ ...responseHeaders, ...toHeaderFields(metadata) })) : plainHeaders,
    )
  }

  /**
   * Sends one small message; waits first until the client has taken most of those before it.
   * @throws GatewayError as `send`; QUEUE_FULL
   */
  async sendMessage(message: Uint8Array): Promise<void> {
    while (this.#pendingBytes > 0 && this.#pendingBytes + message.byteLength > MAX_WAITING_BYTES)
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
   * Sends a frame without copying its chunks; waits first until the client has taken enough of what was sent before.
   * The frame is released in every case.
   * @throws GatewayError the reason the call has ended, STALLED among them
   */
  async send(frame: Frame): Promise<void> {
    try {
      const owner = this.#owner
      const limit = () => (owner.inFlightBytes > owner.maxInFlightBytes ? 0 : owner.maxInFlightBytesPerCall)
      while (this.#pendingBytes > 0 && this.#pendingBytes + frame.byteLength > limit()) await this.#nextProgress()
      if (this.#ended || this.#stream.closed) throw this.#error ?? new GatewayError('CANCELLED')
    } catch (error) {
      frame.release?.()
      throw error
    }
    this.#write(frame)
  }

  /**
   * Waits until the client's connection has taken what was sent, a little excepted that goes out with the status.
   * @throws GatewayError as `send`
   */
  async flushed(): Promise<void> {
    while (this.#pendingBytes > SETTLED_BYTES) await this.#nextProgress()
  }

  /** Ends the call with a status; only the first end counts. */
  end(error?: GatewayError): void {
    if (this.#ended) return
    const stream = this.#stream
    const pending = this.#pendingBytes > 0
    this.#close(error)
    if (stream.closed) return
    if (error?.code === 'STALLED') {
      // Trailers would wait behind the data that nobody reads.
      stream.reset(ErrorCode.enhanceYourCalm)
      return
    }
    if (!error) this.sendHeaders()
    stream.end(this.#trailersBlock(error))
    if (stream.closed) return
    // The status goes out first; a client that sends on regardless, or does not take it, is cut off.
    if (!stream.remoteEnded)
      this.#graceTimer = setTimeout(() => stream.reset(ErrorCode.noError), REFUSED_UPLOAD_GRACE_MS)
    else if (error && pending)
      this.#graceTimer = setTimeout(() => stream.reset(ErrorCode.cancel), this.#owner.stallTimeoutMs)
  }

  /** Cuts the stream off at once, as a shutdown's end does. */
  abort(error: GatewayError): void {
    this.end(error)
    this.#stream.reset(ErrorCode.cancel)
  }

  /**
   * The request's messages, decompressed, under backpressure; ends when the client has half-closed.
   * @throws GatewayError TOO_LARGE, BAD_REQUEST, CANCELLED
   */
  requests(): AsyncGenerator<Buffer, void, undefined> {
    return this.#body.messages()
  }

  /** Hands over the single request of a unary or server-streaming call. */
  readRequest(done: (request: Buffer) => void): void {
    this.#body.single(
      (message) => {
        if (!this.#ended) done(message)
      },
      (error) => this.end(GatewayError.from(error)),
    )
  }

  /** The last header block: the status and what goes with it; in front of it the headers, where none have been sent. */
  #trailersBlock(error: GatewayError | undefined): Buffer {
    if (!error && this.trailers === NO_TRAILERS) return plainSuccess
    const trailers = { ...toHeaderFields(this.trailers), ...statusTrailers(error, this.requestId) }
    return encodeHeaders(Object.entries(this.#stream.headersSent ? trailers : { ...responseHeaders, ...trailers }))
  }

  /** Writes a small message; what the client's windows hold up counts as memory of the call. */
  #answer(message: Uint8Array): void {
    const frame: { -readonly [K in keyof Frame]: Frame[K] } = {
      chunks: [message],
      byteLength: message.byteLength,
      rows: 0,
    }
    this.#write(frame)
    if (!this.#stream.isHeldUp) return
    try {
      this.#holding.take(message.byteLength)
      frame.release = () => this.#holding.give(message.byteLength)
    } catch (error) {
      this.end(GatewayError.from(error))
      // Its status would wait behind what the client does not take.
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
    // Clients begin with the schema at once; of rows they make something when they have all.
    this.#stream.write([prefixOf(byteLength), ...chunks], onTaken, frame.rows !== 0)
    // What has gone to the socket needs no watch: a client that reads nothing answers no ping either.
    if (!this.#stall.isRunning && this.#stream.isHeldUp) this.#stall.watch(true)
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
    // Its status waits behind what nobody reads.
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
