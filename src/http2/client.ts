import type { Socket } from 'node:net'
import { type ConnectionOptions, Http2Connection } from './connection.ts'
import { protocolError } from './frames/control-frames.ts'
import { numberFrame, settingsFrame } from './frames/frame-writer.ts'
import { HeaderBlockTooLarge } from './frames/header-blocks.ts'
import type { ReceiveBuffers } from './frames/receive-buffers.ts'
import type { HeaderFields, HeaderValidity } from './hpack/header-decoder.ts'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameType,
  Http2ProtocolError,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  Setting,
} from './protocol.ts'
import { TokenBucket } from './scheduling/token-bucket.ts'
import { ClientStream, type ResponseListener, type StreamEnd } from './streams/client-stream.ts'
import { isTrailers } from './streams/request-fields.ts'
import { isInterim, isResponse } from './streams/response-fields.ts'

/** What the owner of a connection hears. */
export interface Http2ClientListener {
  /** The peer's first settings: it does speak HTTP/2. */
  onReady(): void
  /** The peer takes no further streams. */
  onGoaway(code: number): void
  /** The connection is over; all streams have been told. */
  onClose(error: Error | undefined): void
}

/** Streams that ended before the server's last word on them, and of which frames may still be on their way. */
const MAX_REMEMBERED = 1000
/** Frames that ask for an answer, or do nothing. Servers that measure their bandwidth ping once a round trip. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 2000 }

/**
 * The client's side of an HTTP/2 connection. What it receives is handed on in the buffers that it was read into, many
 * frames for one system call; node:http2 takes 64 KiB at a time of fresh memory and several turns of the event loop.
 */
export class Http2Client extends Http2Connection<ClientStream> {
  protected override readonly lastStreamId = 0
  readonly #buffers: ReceiveBuffers
  readonly #windowBytes: number
  readonly #listener: Http2ClientListener
  readonly #idleFrames = new TokenBucket(IDLE_FRAMES.burst, IDLE_FRAMES.perSecond)
  readonly #brokenOff = new Set<number>()
  #nextId = 1
  #uncredited = 0
  #leaving = false

  /** @param socket connected, TLS included; its data must be handed to `receive` */
  constructor(socket: Socket, buffers: ReceiveBuffers, options: ConnectionOptions, listener: Http2ClientListener) {
    super(socket, options, false)
    this.#buffers = buffers
    this.#windowBytes = options.windowBytes
    this.#listener = listener
    this.send([
      PREFACE,
      settingsFrame([
        [Setting.enablePush, 0],
        [Setting.initialWindowSize, options.windowBytes],
        [Setting.maxFrameSize, options.maxFrameBytes],
        [Setting.maxHeaderListSize, options.maxHeaderListBytes],
      ]),
      numberFrame(FrameType.windowUpdate, 0, MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES),
    ])
  }

  /** Whether a request can be made. */
  get usable(): boolean {
    return !this.closed && !this.#leaving && this.#nextId <= MAX_STREAM_ID
  }

  /** Whether the peer allows one more stream. */
  get hasRoom(): boolean {
    return this.streams.size < this.settings.maxStreams
  }

  /**
   * Makes a request.
   * @param block fields by `encodeHeaders`, pseudo-fields first
   * @param body all of the body or, unless `isLast`, its beginning; `write` goes on
   * @throws Error when the connection is not usable or has as many streams as the peer allows
   */
  request(block: Buffer, body: readonly Uint8Array[], isLast: boolean, listener: ResponseListener): ClientStream {
    if (!this.usable || !this.hasRoom) throw new Error('the connection takes no more requests')
    const windows = { send: this.settings.windowBytes, receive: this.#windowBytes }
    const stream = new ClientStream(this, this.#nextId, windows, listener)
    this.#nextId += 2
    this.streams.set(stream.id, stream)
    this.sendHeaders(stream.id, block, false)
    stream.write(body, isLast)
    return stream
  }

  /** The connection's window is given back as soon as something comes: the streams' own bound what waits. */
  override onConsumed(): void {}

  override resetStream(stream: ClientStream, code: number): void {
    this.#remember(stream.id)
    super.resetStream(stream, code)
  }

  protected override onData(streamId: number, bytes: Buffer): void {
    const stream = this.streams.get(streamId)
    if (!stream) {
      if (!this.wasOpened(streamId)) this.#onLate(streamId, 'DATA')
      return
    }
    stream.received(bytes.length)
    if (stream.hasHeaders) stream.listener.onData(bytes, this.#buffers.current)
    else this.failStream(streamId, ErrorCode.protocolError)
  }

  protected override onDataEnd(streamId: number, length: number, padding: number, atEnd: boolean): void {
    this.#uncredited += length
    if (this.#uncredited >= MAX_WINDOW_BYTES >> 2) {
      this.sendCredit(0, this.#uncredited)
      this.#uncredited = 0
    }
    const stream = this.streams.get(streamId)
    if (length === padding && !atEnd) this.onIdleFrame()
    if (!stream) {
      this.#onLate(streamId, 'DATA')
      return
    }
    stream.received(padding)
    stream.credit(padding)
    if (atEnd) this.#end(stream)
  }

  protected override onHeaders(streamId: number, fields: HeaderFields, verdict: HeaderValidity, atEnd: boolean): void {
    const stream = this.streams.get(streamId)
    if (!stream) {
      this.onIdleFrame()
      this.#onLate(streamId, 'HEADERS')
      return
    }
    const isGood = stream.hasHeaders ? atEnd && isTrailers(fields) : isResponse(fields)
    if (verdict === 'malformed' || !isGood) this.failStream(streamId, ErrorCode.protocolError)
    else if (!stream.hasHeaders && isInterim(fields)) {
      this.onIdleFrame()
      if (atEnd) this.failStream(streamId, ErrorCode.protocolError)
    } else if (verdict === 'too large' && !atEnd) {
      this.resetStream(stream, ErrorCode.cancel)
      stream.listener.onAbort({ kind: 'oversized' })
    } else {
      stream.hasHeaders = true
      stream.listener.onHeaders(fields, verdict === 'too large')
      if (atEnd) this.#end(stream)
    }
  }

  protected override onReset(stream: ClientStream, code: number): void {
    this.#remember(stream.id)
    this.#abort(stream, { kind: 'reset', code })
  }

  protected override onGoaway(last: number, code: number): void {
    this.onIdleFrame()
    this.#leaving = true
    this.#listener.onGoaway(code)
    const end: StreamEnd = { kind: 'lost', notProcessed: true, why: `the server sent GOAWAY (${code})` }
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= last) continue
      this.#remember(stream.id)
      this.#abort(stream, end)
    }
    this.#endIfDone()
  }

  protected override onReady(): void {
    this.#listener.onReady()
  }

  protected override onIdleFrame(cost = 1): void {
    if (!this.#idleFrames.take(cost))
      throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'too many frames that do nothing')
  }

  /** What a server does wrong on a stream ends the request too. */
  protected override failStream(streamId: number, code: number): void {
    const stream = this.streams.get(streamId)
    super.failStream(streamId, code)
    stream?.listener.onAbort({ kind: 'reset', code })
  }

  protected override onOver(error: Error | undefined): void {
    const oversized = error instanceof HeaderBlockTooLarge ? error.streamId : 0
    const lost: StreamEnd = { kind: 'lost', notProcessed: false, ...(error && { why: error.message }) }
    for (const stream of [...this.streams.values()])
      this.#abort(stream, stream.id === oversized ? { kind: 'oversized' } : lost)
    this.#listener.onClose(error)
  }

  protected override onRoom(): void {
    for (const stream of [...this.streams.values()]) stream.flush(0)
  }

  protected override wasOpened(streamId: number): boolean {
    return streamId % 2 === 1 && streamId < this.#nextId
  }

  protected override forget(stream: ClientStream): void {
    super.forget(stream)
    this.#endIfDone()
  }

  /** The server has said all; the listener may have ended the stream itself just now. */
  #end(stream: ClientStream): void {
    if (stream.closed) return
    // A response that is complete before its request: the rest of that is not wanted.
    if (!stream.sentEnd) this.send([numberFrame(FrameType.rstStream, stream.id, ErrorCode.noError)])
    this.forget(stream)
    stream.listener.onEnd()
  }

  /** A frame for a stream that is over: of one that broke off it was on its way, else the server must not send it. */
  #onLate(streamId: number, what: 'DATA' | 'HEADERS'): void {
    if (streamId === 0) throw protocolError(`${what} without a stream`)
    if (!this.wasOpened(streamId)) throw protocolError(`${what} for a stream that nobody opened`)
    if (!this.#brokenOff.has(streamId))
      throw new Http2ProtocolError(ErrorCode.streamClosed, `${what} for a stream that is over`)
  }

  #remember(streamId: number): void {
    this.#brokenOff.add(streamId)
    if (this.#brokenOff.size <= MAX_REMEMBERED) return
    for (const oldest of this.#brokenOff) {
      this.#brokenOff.delete(oldest)
      return
    }
  }

  #abort(stream: ClientStream, end: StreamEnd): void {
    this.forget(stream)
    stream.listener.onAbort(end)
  }

  /** After a GOAWAY what runs may finish, then nothing more can come. */
  #endIfDone(): void {
    if (this.#leaving && this.streams.size === 0) setImmediate(() => this.destroy())
  }
}
