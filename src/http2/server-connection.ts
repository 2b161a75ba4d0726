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
import { processInSlices, SLICE_MS } from './scheduling/receive-scheduler.ts'
import { isRequest, isTrailers } from './streams/request-fields.ts'
import { ServerStream } from './streams/server-stream.ts'

/** Limits that a server announces to its clients. */
export interface ServerConnectionOptions extends Omit<ConnectionOptions, 'maxFrameBytes'> {
  /** Receive window of the connection: bound on the unread bytes of all its streams. */
  readonly connectionWindowBytes: number
  readonly maxStreams: number
  /** Flood limits that all connections from the client's address share. */
  readonly addressFloods?: FloodLimits
}

/** Events for the owner of a connection. */
export interface ServerConnectionListener {
  /** A request started; the owner sets the stream's listener before it returns. */
  onStream(stream: ServerStream, fields: HeaderFields): void
  /** A stream ended. */
  onStreamClose(): void
  /** The connection ended, after all its streams. */
  onClose(): void
}

/** Reset streams to remember: the client's frames for them may still be in flight. */
const MAX_REMEMBERED = 1000
/** DATA frames with fewer bytes than this on average count as idle frames. */
const MIN_DATA_BYTES = 64
/** Small DATA frames for which large ones may earn credit. */
const MAX_PAID_DATA_FRAMES = 16

/** A header block up to this size (or twice the allowed list) is read to its end, so that it ends only its own call. */
const MIN_HEADER_BLOCK_BYTES = 256 << 10

/** Server side of an HTTP/2 connection. */
export class Http2ServerConnection extends Http2Connection<ServerStream> {
  protected override lastStreamId = 0
  readonly #options: ServerConnectionOptions
  readonly #listener: ServerConnectionListener
  readonly #floods: FloodLimits
  /** Small DATA frames received, less those that the bytes of larger ones pay for. */
  #smallDataFrames = 0
  /** Part of the connection preface that has not arrived yet. */
  #preface = PREFACE
  #window: number
  #uncredited = 0
  /** Streams with a higher id are ignored: the last GOAWAY excluded them. */
  #maxId = MAX_STREAM_ID
  #isDraining = false
  readonly #resetIds = new Set<number>()
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

  /** Address for per-address limits: the client's IPv4 address, or the /64 network of its IPv6 address. */
  get address(): string {
    return networkOf(this.socket.remoteAddress)
  }

  /**
   * Charges the client for work above the framing layer; ends the connection when the client exceeds its limit.
   * @param cost number of idle frames
   */
  charge(cost: number): void {
    if (this.closed) return
    try {
      this.onIdleFrame(cost)
    } catch (error) {
      this.end(error as Error)
    }
  }

  /** The client's address and port. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.socket
    return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`
  }

  /** Whether the client's preface and first SETTINGS have arrived. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Whether the connection drains: a GOAWAY has told the client to start no more calls. */
  get isLeaving(): boolean {
    return this.#isDraining
  }

  /** Calls the listener when the connection has ended, at once if it already has. */
  onceClosed(listener: () => void): void {
    if (this.closed) listener()
    else this.#closeListeners.add(listener)
  }

  override receive(bytes: Buffer): void {
    const missing = this.#preface.length
    if (missing === 0) {
      this.#receiveScheduled(bytes)
      return
    }
    const start = bytes.subarray(0, missing)
    if (this.closed) return
    if (!start.equals(this.#preface.subarray(0, start.length))) {
      this.end(protocolError('the client does not speak HTTP/2'))
      return
    }
    this.#preface = this.#preface.subarray(start.length)
    if (bytes.length > missing) this.#receiveScheduled(bytes.subarray(missing))
  }

  /** Pauses the socket until all bytes read so far are processed. */
  #receiveScheduled(bytes: Buffer): void {
    let at = this.receiveUntil(bytes, 0, performance.now() + SLICE_MS)
    if (at === bytes.length) return
    this.socket.pause()
    processInSlices((until) => {
      at = this.receiveUntil(bytes, at, until)
      if (at < bytes.length) return false
      this.socket.resume()
      return true
    })
  }

  /**
   * Drains the connection and ends it after its last stream. A first GOAWAY tells the client to start no more streams. When the
   * client has acknowledged a PING, a second one gives the last stream accepted. Source: RFC 9113, section 6.8.
   */
  close(): void {
    if (this.#isDraining || this.closed) return
    this.#isDraining = true
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
    else if (!stream && streamId <= this.lastStreamId && !this.#resetIds.has(streamId))
      this.failStream(streamId, ErrorCode.streamClosed)
  }

  /** Counts received bytes against both windows. @returns the stream, if it is still open */
  #receive(streamId: number, bytes: number): ServerStream | undefined {
    this.#window -= bytes
    if (this.#window < 0)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'the client exceeds the connection window')
    const stream = this.streams.get(streamId)
    if (stream) stream.received(bytes)
    else if (this.wasOpened(streamId)) this.onConsumed(bytes)
    else throw protocolError('DATA for an idle stream')
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
    if (streamId % 2 === 0) throw protocolError('HEADERS for a stream with an even id')
    if (streamId <= this.lastStreamId) {
      this.onIdleFrame()
      if (this.#resetIds.has(streamId)) return
      throw new Http2ProtocolError(ErrorCode.streamClosed, 'HEADERS for a closed stream')
    }
    // Ignore streams above the id in the last GOAWAY: the client knows that they are not processed.
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

  /** A stream error costs the client as little as a reset, so it counts as one. */
  protected override failStream(streamId: number, code: number): void {
    if (this.streams.has(streamId)) this.#countReset()
    super.failStream(streamId, code)
  }

  protected override onIdleFrame(cost = 1): void {
    if (!this.#floods.takeIdleFrames(cost))
      throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'too many idle frames')
  }

  protected override onOver(): void {
    for (const stream of [...this.streams.values()]) this.forget(stream)
    this.#listener.onClose()
    for (const listener of this.#closeListeners) listener()
    this.#closeListeners.clear()
  }

  protected override wasOpened(streamId: number): boolean {
    // Streams above the id in the last GOAWAY count as closed.
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
      throw new Http2ProtocolError(ErrorCode.enhanceYourCalm, 'the client resets too many streams')
  }

  /** Charges for small DATA frames, since each frame costs the same; the first of a request is free. */
  #countSmall(stream: ServerStream, length: number): void {
    const isFirst = !stream.hasData
    stream.hasData = true
    if (isFirst) return
    this.#smallDataFrames = Math.max(-MAX_PAID_DATA_FRAMES, this.#smallDataFrames + 1 - length / MIN_DATA_BYTES)
    if (this.#smallDataFrames < 1) return
    this.#smallDataFrames--
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

  /** Error code with which to refuse a request; undefined to accept it. */
  #refusalOf(fields: HeaderFields, verdict: HeaderValidity): number | undefined {
    if (this.streams.size >= this.#options.maxStreams) return ErrorCode.refusedStream
    if (verdict === 'too large') return ErrorCode.enhanceYourCalm
    return verdict === 'malformed' || !isRequest(fields) ? ErrorCode.protocolError : undefined
  }

  #remember(streamId: number): void {
    this.#resetIds.add(streamId)
    if (this.#resetIds.size <= MAX_REMEMBERED) return
    for (const oldest of this.#resetIds) {
      this.#resetIds.delete(oldest)
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
    if (this.#isDraining && this.#maxId < MAX_STREAM_ID && this.streams.size === 0) this.end(undefined)
  }
}
