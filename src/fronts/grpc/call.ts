import type { OutgoingHttpHeaders } from 'node:http'
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Frame } from '../../arrow/frame.ts'
import { GatewayError } from '../../query/errors.ts'
import { statusTrailers } from '../status.ts'
import { Deframer, decompress } from './deframer.ts'
import { headerOf, type Metadata, toHeaderFields } from './metadata.ts'

/** What calls share: their limits, the bytes they hold together, and who is told when one has ended. */
export interface CallOwner {
  readonly maxInboundMessageBytes: number
  readonly maxInFlightBytesPerCall: number
  readonly maxInFlightBytes: number
  readonly stallTimeoutMs: number
  /** Bytes handed to HTTP/2 and not yet taken by the sockets, over all calls. */
  inFlightBytes: number
  onEnd(call: GrpcCall, error: GatewayError | undefined): void
}

const responseHeaders = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,gzip',
} as const
const NO_TRAILERS: Metadata = {}
/** What may be on its way still when a call counts as done: less than sockets take at once. */
const SETTLED_BYTES = 64 << 10
const REFUSED_UPLOAD_GRACE_MS = 1000
const MAX_TIMER_MS = 2_147_483_647

/**
 * One gRPC call on its HTTP/2 stream: requests in, messages out under the client's backpressure, one status at the end.
 * Whatever ends a call first (the handler, the deadline, the client, the shutdown) wins; the rest is ignored.
 */
export class GrpcCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly requestId: string
  /** Unix time in milliseconds. */
  readonly deadlineAt: number
  readonly startedAt = performance.now()
  /** How long it took, once it has ended. */
  durationMs = 0
  /** Trailers to send besides the status. */
  trailers: Metadata = NO_TRAILERS
  readonly #stream: ServerHttp2Stream
  readonly #owner: CallOwner
  readonly #timer: NodeJS.Timeout | undefined
  #controller: AbortController | undefined
  #ended = false
  #error: GatewayError | undefined
  #status: Record<string, string> | undefined
  #pendingBytes = 0
  #progress: (() => void) | undefined
  #stallTimer: NodeJS.Timeout | undefined

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    requestId: string,
    deadlineAt: number,
    owner: CallOwner,
  ) {
    this.#stream = stream
    this.headers = headers
    this.path = headers[':path'] ?? ''
    this.requestId = requestId
    this.deadlineAt = deadlineAt
    this.#owner = owner
    const leftMs = deadlineAt - Date.now()
    if (leftMs < MAX_TIMER_MS)
      this.#timer = setTimeout(() => this.end(new GatewayError('DEADLINE')), Math.max(0, leftMs))
    stream.once('close', () => {
      if (!this.#ended) this.end(new GatewayError('CANCELLED', 'The client cancelled the call.'))
    })
    stream.on('error', ignore)
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
    const socket = this.#stream.session?.socket
    return socket?.remoteAddress === undefined ? 'unknown' : `${socket.remoteAddress}:${socket.remotePort}`
  }

  /** Has a listener told when the client's connection ends. */
  onDisconnect(listener: () => void): void {
    const { session } = this.#stream
    if (!session || session.destroyed) {
      listener()
      return
    }
    // One for each transaction that is begun on it.
    session.setMaxListeners(0)
    session.once('close', listener)
  }

  /** First value of a request header. */
  header(name: string): string | undefined {
    return headerOf(this.headers, name)
  }

  /** Sends the initial metadata; without this call they go out with the first message. */
  sendHeaders(metadata?: Metadata): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return
    const fields: OutgoingHttpHeaders = metadata ? { ...responseHeaders, ...toHeaderFields(metadata) } : responseHeaders
    this.#stream.once('wantTrailers', () => {
      if (this.#stream.destroyed) return
      const extra = this.trailers === NO_TRAILERS ? undefined : toHeaderFields(this.trailers)
      this.#stream.sendTrailers(extra ? { ...extra, ...this.#status } : (this.#status ?? {}))
    })
    this.#stream.respond(fields, { waitForTrailers: true })
  }

  /** Sends one small message, copied once. */
  sendMessage(message: Uint8Array): void {
    if (this.#ended || this.#stream.destroyed) return
    if (!this.#stream.headersSent) this.sendHeaders()
    this.#stream.write(prefixed(message))
  }

  /** Sends the only message of a call and ends it. */
  reply(message: Uint8Array): void {
    if (this.#ended) return
    if (!this.#stream.destroyed) {
      if (!this.#stream.headersSent) this.sendHeaders()
      this.#close(undefined)
      this.#stream.end(prefixed(message))
    } else this.#close(undefined)
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
      if (this.#ended || this.#stream.destroyed) throw this.#error ?? new GatewayError('CANCELLED')
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
    if (stream.destroyed || stream.closed) {
      this.#close(error)
      return
    }
    if (error?.code === 'STALLED') {
      this.#close(error)
      // Trailers would wait behind the data that nobody reads.
      stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
      return
    }
    const pending = this.#pendingBytes > 0
    if (!stream.headersSent && error) {
      this.#close(error)
      stream.respond({ ...responseHeaders, ...toHeaderFields(this.trailers), ...this.#status }, { endStream: true })
    } else {
      if (!stream.headersSent) this.sendHeaders()
      this.#close(error)
      stream.end()
    }
    if (error && pending) {
      const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), this.#owner.stallTimeoutMs)
      stream.once('close', () => clearTimeout(timer))
    }
  }

  /** Cuts the stream off at once, as a shutdown's end does. */
  abort(error: GatewayError): void {
    this.end(error)
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  /**
   * The request's messages, decompressed, under backpressure; ends when the client has half-closed.
   * @throws GatewayError TOO_LARGE, BAD_REQUEST, CANCELLED
   */
  async *requests(): AsyncGenerator<Buffer, void, undefined> {
    const deframer = new Deframer(this.#owner.maxInboundMessageBytes)
    const encoding = this.header('grpc-encoding') ?? 'identity'
    const chunks = this.#stream.iterator({ destroyOnReturn: false })
    try {
      for (;;) {
        let next: IteratorResult<Buffer>
        try {
          next = (await chunks.next()) as IteratorResult<Buffer>
        } catch (cause) {
          throw this.#error ?? new GatewayError('CANCELLED', undefined, { cause })
        }
        if (next.done) break
        for (const message of deframer.push(next.value))
          yield await decompress(message, encoding, this.#owner.maxInboundMessageBytes)
      }
    } finally {
      // Its listener would keep the rest of the upload from being discarded.
      await chunks.return?.()
    }
    if (!deframer.idle) throw new GatewayError('BAD_REQUEST', 'The request ends in the middle of a message.')
  }

  /** Reads what the client still sends to nowhere: a stream with unread data would stay open and count as one. */
  discardRequests(): void {
    this.#stream.resume()
  }

  /** Collects the single request of a unary or server-streaming call and hands it over. */
  readRequest(done: (request: Buffer) => void): void {
    const deframer = new Deframer(this.#owner.maxInboundMessageBytes)
    let message: { compressed: boolean; bytes: Buffer } | undefined
    const fail = (error: unknown) => {
      this.#stream.removeAllListeners('data')
      this.end(GatewayError.from(error))
      // The status goes out first; a client that sends on regardless is cut off.
      this.#stream.resume()
      const timer = setTimeout(() => this.#stream.close(constants.NGHTTP2_NO_ERROR), REFUSED_UPLOAD_GRACE_MS)
      this.#stream.once('close', () => clearTimeout(timer))
    }
    this.#stream.on('data', (chunk: Buffer) => {
      try {
        for (const next of deframer.push(chunk)) {
          if (message) throw new GatewayError('BAD_REQUEST', 'The call takes one request message, not several.')
          message = next
        }
      } catch (error) {
        fail(error)
      }
    })
    this.#stream.on('end', () => {
      if (this.#ended) return
      if (!message || !deframer.idle)
        this.end(new GatewayError('BAD_REQUEST', 'The request holds no complete message.'))
      else if (message.compressed)
        decompress(message, this.header('grpc-encoding') ?? 'identity', this.#owner.maxInboundMessageBytes).then(
          done,
          fail,
        )
      else done(message.bytes)
    })
  }

  #write(frame: Frame): void {
    const stream = this.#stream
    if (!stream.headersSent) this.sendHeaders()
    const { byteLength, chunks } = frame
    this.#pendingBytes += byteLength
    if (!this.#stallTimer) this.#watchStall()
    this.#owner.inFlightBytes += byteLength
    const prefix = Buffer.allocUnsafe(5)
    prefix[0] = 0
    prefix.writeUInt32BE(byteLength, 1)
    stream.cork()
    stream.write(prefix)
    const last = chunks.length - 1
    for (let i = 0; i < last; i++) stream.write(chunks[i])
    stream.write(chunks[last], () => {
      this.#pendingBytes -= byteLength
      if (!this.#ended || this.#pendingBytes === 0) this.#watchStall()
      this.#owner.inFlightBytes -= byteLength
      frame.release?.()
      this.#progress?.()
    })
    stream.uncork()
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

  /** Runs while bytes wait for the client, whoever waits for what meanwhile. */
  #watchStall(): void {
    if (this.#pendingBytes === 0) {
      clearTimeout(this.#stallTimer)
      this.#stallTimer = undefined
    } else if (this.#stallTimer) this.#stallTimer.refresh()
    else
      this.#stallTimer = setTimeout(() => {
        const seconds = this.#owner.stallTimeoutMs / 1000
        // Its status waits behind what nobody reads.
        if (this.#ended) this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
        this.end(new GatewayError('STALLED', `The client took no data for ${seconds} s (limits.stallTimeoutMs).`))
      }, this.#owner.stallTimeoutMs)
  }

  #close(error: GatewayError | undefined): void {
    this.#ended = true
    this.durationMs = performance.now() - this.startedAt
    this.#error = error
    this.#status = statusTrailers(error, this.requestId)
    clearTimeout(this.#timer)
    if (error) {
      clearTimeout(this.#stallTimer)
      this.#controller?.abort(error)
      this.#progress?.()
    }
    this.#owner.onEnd(this, error)
  }
}

function prefixed(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(5 + message.byteLength)
  out[0] = 0
  out.writeUInt32BE(message.byteLength, 1)
  out.set(message, 5)
  return out
}

function ignore(): void {}
