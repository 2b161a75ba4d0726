import type { Socket } from 'node:net'
import { ClientStream, type StreamEnd, type StreamListener, type StreamOwner } from './client-stream.ts'
import { FrameReader } from './frame-reader.ts'
import { frame, goawayFrame, headersFrames, numberFrame, settingsFrame } from './frame-writer.ts'
import { HeaderBlocks } from './header-blocks.ts'
import { HeaderDecoder } from './header-decoder.ts'
import { noTable } from './header-encoder.ts'
import { Outbox } from './outbox.ts'
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameFlag,
  FrameType,
  Http2ProtocolError,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  Setting,
} from './protocol.ts'
import type { ReceiveBuffers } from './receive-buffers.ts'

/** What this side offers the peer. */
export interface Http2ClientOptions {
  /** Of each stream and, so that none holds up another, of the connection many times over. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  readonly maxHeaderListBytes: number
}

/** What the owner of a connection hears. */
export interface Http2ClientListener {
  /** The peer's first settings: it does speak HTTP/2. */
  onReady(): void
  /** The peer takes no further streams. */
  onGoaway(code: number): void
  /** The connection is over; all streams have been told. */
  onClose(error: Error | undefined): void
}

const HEADER_TABLE_BYTES = 4096
const NO_SETTINGS = Buffer.alloc(0)

/**
 * The client's side of an HTTP/2 connection. What it receives is handed on in the buffers that it was read into, many
 * frames for one system call; node:http2 takes 64 KiB at a time of fresh memory and several turns of the event loop.
 * Requests only: push is refused, priorities are ignored. Source: RFC 9113.
 */
export class Http2Client implements StreamOwner {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow = DEFAULT_WINDOW_BYTES
  maxSendFrameBytes = DEFAULT_MAX_FRAME_BYTES
  /** Received bytes that are given back to the peer at a time. */
  readonly creditStep: number
  readonly #socket: Socket
  readonly #outbox: Outbox
  readonly #buffers: ReceiveBuffers
  readonly #options: Http2ClientOptions
  readonly #listener: Http2ClientListener
  readonly #reader: FrameReader
  readonly #blocks = new HeaderBlocks((streamId, block, endStream) => this.#onBlock(streamId, block, endStream))
  readonly #decoder: HeaderDecoder
  readonly #streams = new Map<number, ClientStream>()
  readonly #pings: (() => void)[] = []
  #nextId = 1
  #initialSendWindow = DEFAULT_WINDOW_BYTES
  #maxStreams = MAX_STREAM_ID
  #tellNoTable = false
  #uncredited = 0
  #ready = false
  #leaving = false
  #closed = false
  /** @param socket connected, TLS included; its data must be handed to `receive` */
  constructor(socket: Socket, buffers: ReceiveBuffers, options: Http2ClientOptions, listener: Http2ClientListener) {
    this.#socket = socket
    this.#outbox = new Outbox(socket)
    this.#buffers = buffers
    this.#options = options
    this.#listener = listener
    this.creditStep = options.windowBytes >> 2
    this.#decoder = new HeaderDecoder(HEADER_TABLE_BYTES, options.maxHeaderListBytes)
    this.#reader = new FrameReader(options.maxFrameBytes, {
      onData: (streamId, bytes) => this.#streams.get(streamId)?.listener.onData(bytes, this.#buffers.current),
      onDataEnd: (streamId, length, padding, endStream) => this.#onDataEnd(streamId, length, padding, endStream),
      onFrame: (type, flags, streamId, payload) => this.#onFrame(type, flags, streamId, payload),
    })
    socket.on('drain', () => this.#flushAll())
    socket.on('error', (error) => this.#close(error))
    socket.on('close', () => this.#close(undefined))
    socket.on('end', () => this.#close(undefined))
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
    return !this.#closed && !this.#leaving && this.#nextId <= MAX_STREAM_ID
  }

  /** Whether the peer allows one more stream. */
  get hasRoom(): boolean {
    return this.#streams.size < this.#maxStreams
  }

  /** Whether the socket has more to send than it should. */
  get isCongested(): boolean {
    return this.#outbox.isCongested
  }

  /**
   * Makes a request.
   * @param block fields by `encodeHeaders`, pseudo-fields first
   * @param body all of the body or, unless `end`, its beginning; `write` goes on
   * @throws Error when the connection is not usable or has as many streams as the peer allows
   */
  request(block: Buffer, body: readonly Uint8Array[], end: boolean, listener: StreamListener): ClientStream {
    if (!this.usable || !this.hasRoom) throw new Error('the connection takes no more requests')
    const windows = { send: this.#initialSendWindow, receive: this.#options.windowBytes }
    const stream = new ClientStream(this, this.#nextId, windows, listener)
    this.#nextId += 2
    this.#streams.set(stream.id, stream)
    const whole = this.#tellNoTable ? Buffer.concat([noTable, block]) : block
    this.#tellNoTable = false
    const headers = headersFrames(stream.id, whole, false, this.maxSendFrameBytes)
    this.#outbox.together(() => {
      this.send([headers])
      stream.write(body, end)
    })
    return stream
  }

  /** Takes what was read from the socket. */
  receive(bytes: Buffer): void {
    if (this.#closed) return
    try {
      this.#reader.push(bytes)
    } catch (error) {
      if (!this.#closed && error instanceof Http2ProtocolError) this.send([goawayFrame(error.code)])
      this.#close(error as Error)
    }
  }

  /** Asks for an answer; `answered` is called with the peer's. */
  ping(answered: () => void): void {
    this.#pings.push(answered)
    this.send([frame(FrameType.ping, 0, 0, Buffer.alloc(8))])
  }

  /** Ends the connection; streams that are open are lost. */
  close(): void {
    if (this.#closed) return
    this.send([goawayFrame(ErrorCode.noError)])
    this.#close(undefined)
  }

  /** Hands bytes to the socket. For streams. */
  send(chunks: readonly Uint8Array[]): void {
    if (this.#closed) return
    this.#outbox.send(chunks)
    if (this.#outbox.isStuck) this.#close(new Error('the server reads nothing'))
  }

  /** Lets the peer send more on a stream. For streams. */
  sendCredit(streamId: number, bytes: number): void {
    this.send([numberFrame(FrameType.windowUpdate, streamId, bytes)])
  }

  /** Ends a stream from this side. For streams. */
  resetStream(stream: ClientStream, code: number): void {
    this.#forget(stream)
    this.send([numberFrame(FrameType.rstStream, stream.id, code)])
  }

  #flushAll(): void {
    for (const stream of this.#streams.values()) stream.flush()
  }

  #onDataEnd(streamId: number, length: number, padding: number, endStream: boolean): void {
    // The connection's window is given back at once: the streams' own bound what waits.
    this.#uncredited += length
    if (this.#uncredited >= MAX_WINDOW_BYTES >> 2) {
      this.sendCredit(0, this.#uncredited)
      this.#uncredited = 0
    }
    if (streamId === 0) throw wrong('DATA without a stream')
    this.#streams.get(streamId)?.received(length, padding)
    if (endStream) this.#onEndStream(streamId)
  }

  #onEndStream(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (!stream) return
    // A response that is complete before its request: the rest of that is not wanted.
    if (!stream.sentEnd) this.send([numberFrame(FrameType.rstStream, streamId, ErrorCode.noError)])
    this.#forget(stream)
    stream.listener.onEnd()
  }

  #onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (!this.#ready && type !== FrameType.settings) throw wrong('the server does not begin with its settings')
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw wrong('a header block is interrupted')
    if (type === FrameType.headers) this.#blocks.onHeaders(flags, streamId, payload)
    else if (type === FrameType.continuation) this.#blocks.onContinuation(flags, streamId, payload)
    else if (type === FrameType.settings) this.#onSettings(flags, payload)
    else if (type === FrameType.windowUpdate) this.#onWindowUpdate(streamId, numberOf(payload) & MAX_WINDOW_BYTES)
    else if (type === FrameType.rstStream) this.#onReset(streamId, numberOf(payload))
    else if (type === FrameType.ping) this.#onPing(flags, payload)
    else if (type === FrameType.goaway) this.#onGoaway(payload)
    else if (type === FrameType.pushPromise) throw wrong('the server pushes, which it was told not to')
  }

  #onBlock(streamId: number, block: Buffer, endStream: boolean): void {
    // Also for streams that are over: blocks build on one another.
    const fields = this.#decoder.decode(block)
    const stream = this.#streams.get(streamId)
    if (!stream) {
      if (streamId === 0 || streamId >= this.#nextId) throw wrong('HEADERS for a stream that nobody opened')
      return
    }
    const status = fields[':status']
    // Interim responses, as 100 and 103 are, come before the one that counts.
    if (typeof status === 'string' && status.length === 3 && status.startsWith('1')) return
    stream.listener.onHeaders(fields)
    if (endStream) this.#onEndStream(streamId)
  }

  #onSettings(flags: number, payload: Buffer): void {
    if (flags & FrameFlag.ack) return
    if (payload.length % 6 !== 0) throw new Http2ProtocolError(ErrorCode.frameSizeError, 'SETTINGS are cut short')
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    this.send([frame(FrameType.settings, FrameFlag.ack, 0, NO_SETTINGS)])
    if (!this.#ready) {
      this.#ready = true
      this.#listener.onReady()
    }
    this.#flushAll()
  }

  #set(id: number, value: number): void {
    if (id === Setting.maxConcurrentStreams) this.#maxStreams = value
    else if (id === Setting.headerTableSize) this.#tellNoTable ||= value < HEADER_TABLE_BYTES
    else if (id === Setting.maxFrameSize) {
      if (value < DEFAULT_MAX_FRAME_BYTES || value >= 1 << 24) throw wrong('a frame size out of bounds')
      this.maxSendFrameBytes = value
    } else if (id === Setting.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES) throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window out of bounds')
      for (const stream of this.#streams.values()) stream.sendWindow += value - this.#initialSendWindow
      this.#initialSendWindow = value
    }
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) {
      this.sendWindow += bytes
      if (this.sendWindow > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window out of bounds')
      this.#flushAll()
      return
    }
    const stream = this.#streams.get(streamId)
    if (!stream) return
    stream.sendWindow += bytes
    stream.flush()
  }

  #onReset(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId)
    if (stream) this.#abort(stream, { kind: 'reset', code })
  }

  #onPing(flags: number, payload: Buffer): void {
    if (flags & FrameFlag.ack) this.#pings.shift()?.()
    else this.send([frame(FrameType.ping, FrameFlag.ack, 0, payload)])
  }

  #onGoaway(payload: Buffer): void {
    if (payload.length < 8) throw new Http2ProtocolError(ErrorCode.frameSizeError, 'GOAWAY is cut short')
    const last = payload.readUInt32BE(0) & MAX_STREAM_ID
    this.#leaving = true
    this.#listener.onGoaway(payload.readUInt32BE(4))
    for (const stream of this.#streams.values())
      if (stream.id > last) this.#abort(stream, { kind: 'lost', untouched: true })
    this.#closeIfDone()
  }

  #abort(stream: ClientStream, end: StreamEnd): void {
    this.#forget(stream)
    stream.listener.onAbort(end)
  }

  #forget(stream: ClientStream): void {
    stream.closed = true
    this.#streams.delete(stream.id)
    stream.wake()
    this.#closeIfDone()
  }

  /** After a GOAWAY what runs may finish, then nothing more can come. */
  #closeIfDone(): void {
    if (this.#leaving && this.#streams.size === 0) setImmediate(() => this.close())
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    for (const stream of [...this.#streams.values()]) this.#abort(stream, { kind: 'lost', untouched: false })
    // What was said last is still sent where the socket has taken it.
    if (this.#socket.writableLength === 0) this.#socket.destroySoon()
    else this.#socket.destroy()
    this.#buffers.close()
    this.#listener.onClose(error)
  }
}

function numberOf(payload: Buffer): number {
  if (payload.length !== 4) throw new Http2ProtocolError(ErrorCode.frameSizeError, 'a frame has the wrong size')
  return payload.readUInt32BE(0)
}

function wrong(why: string): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.protocolError, why)
}
