import type { Socket } from 'node:net'
import { ClientStream, type ResponseListener, type StreamEnd } from './client-stream.ts'
import { type ConnectionOptions, Http2Connection, wrong } from './connection.ts'
import { numberFrame, settingsFrame } from './frame-writer.ts'
import type { HeaderFields, Verdict } from './header-decoder.ts'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameType,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  Setting,
} from './protocol.ts'
import type { ReceiveBuffers } from './receive-buffers.ts'

/** What the owner of a connection hears. */
export interface Http2ClientListener {
  /** The peer's first settings: it does speak HTTP/2. */
  onReady(): void
  /** The peer takes no further streams. */
  onGoaway(code: number): void
  /** The connection is over; all streams have been told. */
  onClose(error: Error | undefined): void
}

/**
 * The client's side of an HTTP/2 connection. What it receives is handed on in the buffers that it was read into, many
 * frames for one system call; node:http2 takes 64 KiB at a time of fresh memory and several turns of the event loop.
 */
export class Http2Client extends Http2Connection<ClientStream> {
  protected override readonly lastStreamId = 0
  readonly #buffers: ReceiveBuffers
  readonly #windowBytes: number
  readonly #listener: Http2ClientListener
  #nextId = 1
  #uncredited = 0
  #leaving = false

  /** @param socket connected, TLS included; its data must be handed to `receive` */
  constructor(socket: Socket, buffers: ReceiveBuffers, options: ConnectionOptions, listener: Http2ClientListener) {
    super(socket, options)
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

  protected override onData(streamId: number, bytes: Buffer): void {
    const stream = this.streams.get(streamId)
    if (!stream) return
    stream.received(bytes.length)
    if (stream.hasHeaders) stream.listener.onData(bytes, this.#buffers.current)
    else this.#fail(stream)
  }

  protected override onDataEnd(streamId: number, length: number, padding: number, endStream: boolean): void {
    this.#uncredited += length
    if (this.#uncredited >= MAX_WINDOW_BYTES >> 2) {
      this.sendCredit(0, this.#uncredited)
      this.#uncredited = 0
    }
    if (streamId === 0) throw wrong('DATA without a stream')
    const stream = this.streams.get(streamId)
    stream?.received(padding)
    stream?.credit(padding)
    if (endStream) this.#onEndStream(streamId)
  }

  protected override onHeaders(streamId: number, fields: HeaderFields, verdict: Verdict, endStream: boolean): void {
    const stream = this.streams.get(streamId)
    if (!stream) {
      if (!this.wasOpened(streamId)) throw wrong('HEADERS for a stream that nobody opened')
      return
    }
    const status = fields[':status']
    // Interim responses, as 100 and 103 are, come before the one that counts.
    const isInterim = typeof status === 'string' && status.length === 3 && status.startsWith('1')
    const isTrailing = stream.hasHeaders
    if (verdict !== 'good' || (isTrailing ? !endStream || status !== undefined : status === undefined)) {
      this.#fail(stream)
      return
    }
    if (isInterim) {
      if (endStream) this.#fail(stream)
      return
    }
    stream.hasHeaders = true
    stream.listener.onHeaders(fields)
    if (endStream) this.#onEndStream(streamId)
  }

  protected override onReset(stream: ClientStream, code: number): void {
    this.#abort(stream, { kind: 'reset', code })
  }

  protected override onGoaway(last: number, code: number): void {
    this.#leaving = true
    this.#listener.onGoaway(code)
    for (const stream of [...this.streams.values()])
      if (stream.id > last) this.#abort(stream, { kind: 'lost', untouched: true })
    this.#endIfDone()
  }

  protected override onReady(): void {
    this.#listener.onReady()
  }

  /** A server that is trusted with queries may ask for answers as often as it likes. */
  protected override onIdleFrame(): void {}

  protected override onOver(error: Error | undefined): void {
    for (const stream of [...this.streams.values()]) this.#abort(stream, { kind: 'lost', untouched: false })
    this.#listener.onClose(error)
  }

  protected override onRoom(): void {
    for (const stream of [...this.streams.values()]) stream.flush(0)
  }

  protected override wasOpened(streamId: number): boolean {
    return streamId !== 0 && streamId < this.#nextId
  }

  protected override forget(stream: ClientStream): void {
    super.forget(stream)
    this.#endIfDone()
  }

  #onEndStream(streamId: number): void {
    const stream = this.streams.get(streamId)
    if (!stream) return
    // A response that is complete before its request: the rest of that is not wanted.
    if (!stream.sentEnd) this.send([numberFrame(FrameType.rstStream, streamId, ErrorCode.noError)])
    this.forget(stream)
    stream.listener.onEnd()
  }

  /** The server has broken a rule on the stream. */
  #fail(stream: ClientStream): void {
    this.resetStream(stream, ErrorCode.protocolError)
    stream.listener.onAbort({ kind: 'reset', code: ErrorCode.protocolError })
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
