import type { Socket } from 'node:net'
import { type ConnectionOptions, Http2Connection } from './connection.ts'
import { protocolError } from './frames/control-frames.ts'
import { goawayFrame, numberFrame, settingsFrame } from './frames/frame-writer.ts'
import type { HeaderFields, HeaderValidity } from './hpack/header-decoder.ts'
import { networkOf } from './peer-address.ts'
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameType,
  Http2ProtocolError,
  MAX_STREAM_ID,
  PREFACE,
  Setting,
} from './protocol.ts'
import { FloodLimits } from './scheduling/flood-limits.ts'
import { goOnInTurns, SLICE_MS } from './scheduling/receive-turns.ts'
import { isRequest, isTrailers } from './streams/request-fields.ts'
import { ServerStream } from './streams/server-stream.ts'

/** What a server offers its clients. */
export interface ServerConnectionOptions extends Omit<ConnectionOptions, 'maxFrameBytes'> {
  /** Of all streams together, for what the client sends and nobody has read. */
  readonly connectionWindowBytes: number
  readonly maxStreams: number
  /** What the client's address is allowed over all its connections. */
  readonly addressFloods?: FloodLimits
}

/** What the owner of a connection hears. */
export interface ServerConnectionListener {
  /** A request has begun; the stream's listener is to be set at once. */
  onStream(stream: ServerStream, fields: HeaderFields): void
  /** A stream is over. */
  onStreamClose(): void
  /** The connection is over; all streams have been told. */
  onClose(): void
}

/** Streams that we have reset and of which frames may still be on their way. */
const MAX_REMEMBERED = 1000
/** DATA frames that hold fewer bytes than this on average cost as much as frames that do nothing. */
const MIN_DATA_BYTES = 64
/** Small DATA frames that a large one may pay for. */
const MAX_PAID_DATA_FRAMES = 16

/** A header block of so much is read to its end, as are those of twice the allowed list: its call ends, and no other. */
const MIN_HEADER_BLOCK_BYTES = 256 << 10

/** The server's side of an HTTP/2 connection. */
export class Http2ServerConnection extends Http2Connection<ServerStream> {
  protected override lastStreamId = 0
  readonly #options: ServerConnectionOptions
  readonly #listener: ServerConnectionListener
  readonly #floods: FloodLimits
  /** DATA frames that were received, less those that their bytes are enough for. */
  #dribble = 0
  /** Of the preface, what has not come yet. */
  #preface = PREFACE
  #window: number
  #uncredited = 0
  /** No streams above this are begun any more. */
  #maxId = MAX_STREAM_ID
  #leaving = false
  readonly #resetByUs = new Set<number>()
  readonly #closeListeners = new Set<() => void>()
  #isReady = false

  /** @param socket connected, TLS included */
  constructor(socket: Socket, options: ServerConnectionOptions, listener: ServerConnectionListener) {
    super(
      socket,
      {
        maxHeaderBlockBytes: Math.max(MIN_HEADER_BLOCK_BYTES, 2 * options.maxHeaderListBytes),
        ...options,
        maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
      },
      true,
    )
    this.#options = options
    this.#listener = listener
    this.#window = options.connectionWindowBytes
    this.#floods = new FloodLimits(1, options.addressFloods)
    this.send([
      settingsFrame([
        [Setting.initialWindowSize, options.windowBytes],
        [Setting.maxConcurrentStreams, options.maxStreams],
        [Setting.maxHeaderListSize, options.maxHeaderListBytes],
      ]),
      numberFrame(FrameType.windowUpdate, 0, options.connectionWindowBytes - DEFAULT_WINDOW_BYTES),
    ])
    socket.on('data', (bytes: Buffer) => this.receive(bytes))
  }

  /** What counts as one address: the client's IPv4 address, or the network of its IPv6 address. */
  get address(): string {
    return networkOf(this.socket.remoteAddress)
  }

  /**
   * Counts work that the client has caused above the framing layer, as so many frames that ask for nothing; too much ends the
   * connection.
   */
  charge(cost: number): void {
    if (this.closed) return
    try {
      this.onIdleFrame(cost)
    } catch (error) {
      this.end(error as Error)
    }
  }

  /** Address and port of the client. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.socket
    return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`
  }

  /** Whether the client has shown that it speaks HTTP/2. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Whether the client was told to begin no more calls here. */
  get isLeaving(): boolean {
    return this.#leaving
  }

  /** Has a listener told when the connection is over. */
  onceClosed(listener: () => void): void {
    if (this.closed) listener()
    else this.#closeListeners.add(listener)
  }

  override receive(bytes: Buffer): void {
    const missing = this.#preface.length
    if (missing === 0) {
      this.#receiveInTurns(bytes)
      return
    }
    const start = bytes.subarray(0, missing)
    if (this.closed) return
    if (!start.equals(this.#preface.subarray(0, start.length))) {
      this.end(protocolError('the client does not speak HTTP/2'))
      return
    }
    this.#preface = this.#preface.subarray(start.length)
    if (bytes.length > missing) this.#receiveInTurns(bytes.subarray(missing))
  }

  /** The socket is not read on before all that has come of it is done. */
  #receiveInTurns(bytes: Buffer): void {
    let at = this.receiveUntil(bytes, 0, performance.now() + SLICE_MS)
    if (at === bytes.length) return
    this.socket.pause()
    goOnInTurns((until) => {
      at = this.receiveUntil(bytes, at, until)
      if (at < bytes.length) return false
      this.socket.resume()
      return true
    })
  }

  /**
   * Ends the connection when its streams have ended. The client is told first to begin no more, and only when it must know
   * of that those are refused which were on their way. Source: RFC 9113, section 6.8.
   */
  close(): void {
    if (this.#leaving || this.closed) return
    this.#leaving = true
    this.send([goawayFrame(MAX_STREAM_ID, ErrorCode.noError)])
    this.ping(() => {
      this.#maxId = this.lastStreamId
      this.send([goawayFrame(this.lastStreamId, ErrorCode.noError)])
      this.#endIfDone()
    })
  }

  override onConsumed(bytes: number): void {
    this.#uncredited += bytes
    if (this.#uncredited < this.#options.connectionWindowBytes >> 2) return
    this.sendCredit(0, this.#uncredited)
    this.#window += this.#uncredited
    this.#uncredited = 0
  }

  override resetStream(stream: ServerStream, code: number): void {
    this.#remember(stream.id)
    super.resetStream(stream, code)
  }

  protected override onData(streamId: number, bytes: Buffer): void {
    const stream = this.#receive(streamId, bytes.length)
    if (stream && !stream.remoteEnded) stream.listener.onData(bytes)
  }

  protected override onDataEnd(streamId: number, length: number, padding: number, atEnd: boolean): void {
    const stream = this.#receive(streamId, padding)
    stream?.credit(padding)
    if (!stream || (length === padding && !atEnd)) this.onIdleFrame()
    else if (!atEnd) this.#countSmall(stream, length - padding)
    if (stream?.remoteEnded) this.failStream(streamId, ErrorCode.streamClosed)
    else if (stream && atEnd) this.#onRemoteEnd(stream)
    else if (!stream && streamId <= this.lastStreamId && !this.#resetByUs.has(streamId))
      this.failStream(streamId, ErrorCode.streamClosed)
  }

  /** Counts bytes against the windows; answers with their stream, if it is still there. */
  #receive(streamId: number, bytes: number): ServerStream | undefined {
    this.#window -= bytes
    if (this.#window < 0) throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window was not heeded')
    const stream = this.streams.get(streamId)
    if (stream) stream.received(bytes)
    else if (this.wasOpened(streamId)) this.onConsumed(bytes)
    else throw protocolError('DATA for a stream that nobody opened')
    return stream
  }

  protected override onHeaders(streamId: number, fields: HeaderFields, verdict: HeaderValidity, atEnd: boolean): void {
    const stream = this.streams.get(streamId)
    if (stream) {
      if (stream.remoteEnded) this.failStream(streamId, ErrorCode.streamClosed)
      else if (!atEnd || verdict !== 'good' || !isTrailers(fields)) this.failStream(streamId, ErrorCode.protocolError)
      else this.#onRemoteEnd(stream)
      return
    }
    if (streamId % 2 === 0) throw protocolError('a stream with an even number')
    if (streamId <= this.lastStreamId) {
      this.onIdleFrame()
      if (this.#resetByUs.has(streamId)) return
      throw new Http2ProtocolError(ErrorCode.streamClosed, 'HEADERS for a stream that is over')
    }
    // Those that come after the last GOAWAY are not ours: the client has been told so.
    if (streamId > this.#maxId) {
      this.onIdleFrame()
      return
    }
    this.lastStreamId = streamId
    this.#begin(streamId, fields, verdict, atEnd)
  }

  protected override onReset(stream: ServerStream): void {
    this.#countReset()
    this.forget(stream)
  }

  protected override onGoaway(): void {
    this.onIdleFrame()
  }

  protected override onReady(): void {
    this.#isReady = true
  }

  /** What a client does wrong on a stream ends it as its own reset does, and is as cheap for it. */
  protected override failStream(streamId: number, code: number): void {
    if (this.streams.has(streamId)) this.#countReset()
    super.failStream(streamId, code)
  }

  protected override onIdleFrame(cost = 1): void {
    if (!this.#floods.takeIdleFrames(cost))
      throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'too many frames that ask for nothing')
  }

  protected override onOver(): void {
    for (const stream of [...this.streams.values()]) this.forget(stream)
    this.#listener.onClose()
    for (const listener of this.#closeListeners) listener()
    this.#closeListeners.clear()
  }

  protected override wasOpened(streamId: number): boolean {
    // Those beyond the last GOAWAY are as good as over.
    return streamId % 2 === 1 && (streamId <= this.lastStreamId || streamId > this.#maxId)
  }

  protected override forget(stream: ServerStream): void {
    if (stream.closed) return
    super.forget(stream)
    this.#listener.onStreamClose()
    this.#endIfDone()
  }

  #countReset(): void {
    if (!this.#floods.takeReset())
      throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'too many streams are cancelled')
  }

  /** Each DATA frame costs the same, however little is in it; the first of a request is a part of that. */
  #countSmall(stream: ServerStream, length: number): void {
    const isFirst = !stream.hasData
    stream.hasData = true
    if (isFirst) return
    this.#dribble = Math.max(-MAX_PAID_DATA_FRAMES, this.#dribble + 1 - length / MIN_DATA_BYTES)
    if (this.#dribble < 1) return
    this.#dribble--
    this.onIdleFrame()
  }

  #begin(streamId: number, fields: HeaderFields, verdict: HeaderValidity, atEnd: boolean): void {
    const code = this.#refusalOf(fields, verdict)
    if (code !== undefined) {
      this.onIdleFrame()
      this.#remember(streamId)
      this.failStream(streamId, code)
      return
    }
    const windows = { send: this.settings.windowBytes, receive: this.#options.windowBytes }
    const stream = new ServerStream(this, streamId, windows, (ended) => this.#onLocalEnd(ended))
    stream.requestHeaderBytes = this.headerListBytes
    this.streams.set(streamId, stream)
    this.#listener.onStream(stream, fields)
    if (atEnd && !stream.closed) this.#onRemoteEnd(stream)
  }

  /** With which code a request is refused, if it is. */
  #refusalOf(fields: HeaderFields, verdict: HeaderValidity): number | undefined {
    if (this.streams.size >= this.#options.maxStreams) return ErrorCode.refusedStream
    if (verdict === 'too large') return ErrorCode.enhanceYourCalm
    return verdict === 'malformed' || !isRequest(fields) ? ErrorCode.protocolError : undefined
  }

  #remember(streamId: number): void {
    this.#resetByUs.add(streamId)
    if (this.#resetByUs.size <= MAX_REMEMBERED) return
    for (const oldest of this.#resetByUs) {
      this.#resetByUs.delete(oldest)
      return
    }
  }

  #onRemoteEnd(stream: ServerStream): void {
    stream.remoteEnded = true
    stream.listener.onEnd()
    if (stream.localEnded) this.forget(stream)
  }

  #onLocalEnd(stream: ServerStream): void {
    if (stream.remoteEnded) this.forget(stream)
  }

  #endIfDone(): void {
    if (this.#leaving && this.#maxId < MAX_STREAM_ID && this.streams.size === 0) this.end(undefined)
  }
}
