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

/** Events for the owner of a connection. */
export interface Http2ClientListener {
  /** The server's first SETTINGS arrived: it speaks HTTP/2. */
  onReady(): void
  /** The server sent GOAWAY and accepts no more streams. */
  onGoaway(code: number): void
  /** The connection ended, after all its streams. */
  onClose(error: Error | undefined): void
}

/** Aborted streams to remember: the server's frames for them may still be in flight. */
const MAX_REMEMBERED = 1000
/** Rate limit of idle frames (PING, SETTINGS, empty DATA, ...). Servers that measure bandwidth send a PING per round trip. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 2000 }

/**
 * Client side of an HTTP/2 connection. It passes on received data in the buffers that the socket filled, many frames per system
 * call; node:http2 allocates 64 KiB per read and needs several turns of the event loop.
 */
export class Http2Client extends Http2Connection<ClientStream> {
  protected override readonly lastStreamId = 0
  readonly #buffers: ReceiveBuffers
  readonly #windowBytes: number
  readonly #listener: Http2ClientListener
  readonly #idleFrames = new TokenBucket(IDLE_FRAMES.burst, IDLE_FRAMES.perSecond)
  readonly #abortedIds = new Set<number>()
  #nextId = 1
  #uncredited = 0
  #isDraining = false

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

  /** Whether the connection accepts requests; `hasRoom` says whether one fits now. */
  get usable(): boolean {
    return !this.closed && !this.#isDraining && this.#nextId <= MAX_STREAM_ID
  }

  /** Whether the server's stream limit allows one more stream. */
  get hasRoom(): boolean {
    return this.streams.size < this.settings.maxStreams
  }

  /**
   * Opens a stream and sends a request.
   * @param block fields by `encodeHeaders`, pseudo-header fields first
   * @param body the whole body if `isLast`, else its start; `write` sends the rest
   * @throws Error when the connection is not usable or the server's stream limit is reached
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

  /** Nothing to do: `onDataEnd` returns connection credit on arrival, since the stream windows bound the unread bytes. */
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
    this.#isDraining = true
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
    if (!this.#idleFrames.take(cost)) throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'too many idle frames')
  }

  /** A stream error by the server also aborts the request. */
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

  protected override onWritable(): void {
    for (const stream of [...this.streams.values()]) stream.flush(0)
  }

  protected override wasOpened(streamId: number): boolean {
    return streamId % 2 === 1 && streamId < this.#nextId
  }

  protected override forget(stream: ClientStream): void {
    super.forget(stream)
    this.#endIfDone()
  }

  /** The response is complete; the listener may have reset the stream already. */
  #end(stream: ClientStream): void {
    if (stream.closed) return
    // The response is complete before the request: RST_STREAM(NO_ERROR) in place of the rest of the request.
    if (!stream.sentEnd) this.send([numberFrame(FrameType.rstStream, stream.id, ErrorCode.noError)])
    this.forget(stream)
    stream.listener.onEnd()
  }

  /** A frame for a closed stream is legal only if the stream was aborted: the frame was in flight then. */
  #onLate(streamId: number, what: 'DATA' | 'HEADERS'): void {
    if (streamId === 0) throw protocolError(`${what} without a stream`)
    if (!this.wasOpened(streamId)) throw protocolError(`${what} for an idle stream`)
    if (!this.#abortedIds.has(streamId))
      throw new Http2ProtocolError(ErrorCode.streamClosed, `${what} for a closed stream`)
  }

  #remember(streamId: number): void {
    this.#abortedIds.add(streamId)
    if (this.#abortedIds.size <= MAX_REMEMBERED) return
    for (const oldest of this.#abortedIds) {
      this.#abortedIds.delete(oldest)
      return
    }
  }

  #abort(stream: ClientStream, end: StreamEnd): void {
    this.forget(stream)
    stream.listener.onAbort(end)
  }

  /** After a GOAWAY, ends the connection when its last stream has ended. */
  #endIfDone(): void {
    if (this.#isDraining && this.streams.size === 0) setImmediate(() => this.destroy())
  }
}
