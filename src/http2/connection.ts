import type { Socket } from 'node:net'
import { endSocket } from './end-socket.ts'
import { costOf, costOfHeaders, frameSizeError, numberOf, protocolError } from './frames/control-frames.ts'
import { FrameReader } from './frames/frame-reader.ts'
import { frame, goawayFrame, headersFrames, numberFrame } from './frames/frame-writer.ts'
import { HeaderBlocks, HeaderBlockTooLarge } from './frames/header-blocks.ts'
import { HEADER_TABLE_BYTES, PeerSettings } from './frames/peer-settings.ts'
import { HeaderDecoder, type HeaderFields, HeaderListTooLarge, type HeaderValidity } from './hpack/header-decoder.ts'
import { noTable } from './hpack/header-encoder.ts'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameFlag,
  FrameType,
  Http2ProtocolError,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
} from './protocol.ts'
import { SendScheduler } from './scheduling/send-turns.ts'
import { WriteBatcher } from './scheduling/write-batcher.ts'
import type { Http2Stream, StreamOwner } from './streams/stream.ts'

/** What this side offers the peer. */
export interface ConnectionOptions {
  /** Window of each stream, for what the peer sends. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  /** Of a list of fields; a stream whose list is larger ends. */
  readonly maxHeaderListBytes: number
  /** Encoded size of a header block; by default 256 KiB. */
  readonly maxHeaderBlockBytes?: number
}

const NO_PAYLOAD = Buffer.alloc(0)
const PING_BYTES = 8
const PRIORITY_BYTES = 5
const GOAWAY_BYTES = 8
/** WINDOW_UPDATE frames that may be saved up. */
const MAX_EARNED_UPDATES = 50_000

/**
 * What both sides of an HTTP/2 connection have in common. Push is not known, priorities are ignored. What breaks a rule on one
 * stream ends that stream; what breaks a rule of the connection ends it, with a GOAWAY that says why. Source: RFC 9113.
 */
export abstract class Http2Connection<S extends Http2Stream> implements StreamOwner {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow = DEFAULT_WINDOW_BYTES
  /** WINDOW_UPDATE frames that the peer may send for the DATA that it has got. */
  earnedUpdates = 0
  /** Received bytes that are given back to the peer at a time. */
  readonly creditStep: number
  /** Nothing is sent or received any more. */
  closed = false
  protected readonly streams = new Map<number, S>()
  protected readonly settings: PeerSettings
  protected readonly socket: Socket
  readonly #outbox: WriteBatcher
  readonly #reader: FrameReader
  readonly #blocks: HeaderBlocks
  readonly #decoder: HeaderDecoder
  readonly #pings: (() => void)[] = []
  readonly #turns = new SendScheduler(this)
  #hasSettings = false

  /**
   * @param socket connected, TLS included; its data must be handed to `receive`
   * @param peerIsClient whether this is the server's side
   */
  constructor(socket: Socket, options: ConnectionOptions, peerIsClient: boolean) {
    this.socket = socket
    this.settings = new PeerSettings(peerIsClient)
    this.#outbox = new WriteBatcher(socket)
    this.creditStep = options.windowBytes >> 2
    this.#blocks = new HeaderBlocks(
      (streamId, block, atEnd) => this.#onBlock(streamId, block, atEnd),
      options.maxHeaderBlockBytes,
    )
    this.#decoder = new HeaderDecoder(HEADER_TABLE_BYTES, options.maxHeaderListBytes, options.maxHeaderBlockBytes)
    this.#reader = new FrameReader(options.maxFrameBytes, {
      onData: (streamId, bytes) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw protocolError('a header block is interrupted')
        this.onData(streamId, bytes)
      },
      onDataEnd: (streamId, length, padding, atEnd) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw protocolError('a header block is interrupted')
        this.onDataEnd(streamId, length, padding, atEnd)
      },
      onFrame: (type, flags, streamId, payload) => {
        if (!this.closed) this.#onFrame(type, flags, streamId, payload)
      },
    })
    socket.on('drain', () => this.#flushWaiting())
    socket.on('error', (error) => this.end(error))
    socket.on('close', () => this.end(undefined))
    socket.on('end', () => this.end(undefined))
  }

  get maxSendFrameBytes(): number {
    return this.settings.maxFrameBytes
  }

  /** Whether the socket has more to send than it should. */
  get isCongested(): boolean {
    return this.#outbox.isCongested
  }

  /** Whether a stream may send DATA now, as far as its own window goes. */
  get isOpen(): boolean {
    return !this.closed && !this.isCongested && this.sendWindow > 0
  }

  /** Size of the header block that has come last, in bytes, overheads counted. */
  protected get headerListBytes(): number {
    return this.#decoder.listBytes
  }

  /** Takes what was read from the socket. */
  receive(bytes: Buffer): void {
    this.receiveUntil(bytes, 0, Number.POSITIVE_INFINITY)
  }

  /**
   * Takes what was read from the socket, as far as it gets in time.
   * @param until time (`performance.now()`) after which no further frame is begun
   * @returns where the bytes begin that have not been taken
   */
  protected receiveUntil(bytes: Buffer, from: number, until: number): number {
    if (this.closed) return bytes.length
    try {
      return this.#reader.push(bytes, from, until)
    } catch (error) {
      this.end(error as Error)
      return bytes.length
    }
  }

  /** Asks for an answer; `answered` is called with the peer's. */
  ping(answered: () => void): void {
    this.#pings.push(answered)
    this.send([frame(FrameType.ping, 0, 0, Buffer.alloc(PING_BYTES))])
  }

  /** Ends the connection at once; streams that are open are lost. */
  destroy(): void {
    this.send([goawayFrame(this.lastStreamId, ErrorCode.noError)])
    this.end(undefined)
    // Nobody is waited for who does not read.
    if (this.socket.writableLength > 0) this.socket.destroy()
  }

  /** For streams. */
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce = false): void {
    if (this.closed) {
      if (onTaken) this.#outbox.whenTaken(onTaken)
      return
    }
    this.#outbox.send(chunks, onTaken, mayCoalesce)
    if (this.#outbox.isStuck) this.end(new Error('the peer reads nothing'))
  }

  /** For streams. */
  whenTaken(onTaken: () => void): void {
    this.#outbox.whenTaken(onTaken)
  }

  /** For streams. */
  wait(stream: Http2Stream): void {
    this.#turns.add(stream)
  }

  /** For streams. */
  sendHeaders(streamId: number, block: Buffer, atEnd: boolean): void {
    const { hasSmallerTable, maxFrameBytes } = this.settings
    this.settings.hasSmallerTable = false
    const whole = hasSmallerTable ? Buffer.concat([noTable, block]) : block
    this.send([headersFrames(streamId, whole, atEnd, maxFrameBytes)])
  }

  /** For streams. */
  sendCredit(streamId: number, bytes: number): void {
    this.send([numberFrame(FrameType.windowUpdate, streamId, bytes)])
  }

  /** For streams. */
  resetStream(stream: Http2Stream, code: number): void {
    this.forget(stream as S)
    this.send([numberFrame(FrameType.rstStream, stream.id, code)])
  }

  abstract onConsumed(bytes: number): void

  /** The last stream of the peer's that this side has begun to work on. */
  protected abstract readonly lastStreamId: number
  /** Whether the peer could have opened this stream, or we have. */
  protected abstract wasOpened(streamId: number): boolean
  protected abstract onData(streamId: number, bytes: Buffer): void
  protected abstract onDataEnd(streamId: number, length: number, padding: number, atEnd: boolean): void
  protected abstract onHeaders(streamId: number, fields: HeaderFields, verdict: HeaderValidity, atEnd: boolean): void
  protected abstract onReset(stream: S, code: number): void
  protected abstract onGoaway(lastStreamId: number, code: number): void
  /** The peer's first settings have come. */
  protected abstract onReady(): void
  /**
   * A frame that costs us something and does nothing for the peer.
   * @param cost of how many such frames
   * @throws Http2ProtocolError when there are too many
   */
  protected abstract onIdleFrame(cost?: number): void
  /** The socket, or the connection's window, has room again. */
  protected onRoom(): void {}
  /** The connection is over: each stream must learn of it, and the owner. */
  protected abstract onOver(error: Error | undefined): void

  protected forget(stream: S): void {
    if (stream.closed) return
    this.streams.delete(stream.id)
    this.#turns.remove(stream)
    stream.close()
  }

  /** Ends a stream that has broken a rule, or only says so where it is over already. */
  protected failStream(streamId: number, code: number): void {
    const stream = this.streams.get(streamId)
    if (stream) this.resetStream(stream, code)
    else this.send([numberFrame(FrameType.rstStream, streamId, code)])
  }

  /** The connection is over. */
  protected end(error: Error | undefined): void {
    if (this.closed) return
    // A call whose fields are too large is told so: a GOAWAY alone has clients send it again.
    if (error instanceof HeaderBlockTooLarge)
      this.#outbox.send([numberFrame(FrameType.rstStream, error.streamId, error.code)])
    if (error instanceof Http2ProtocolError) this.#outbox.send([goawayFrame(this.lastStreamId, error.code)])
    this.closed = true
    this.onOver(error)
    this.#outbox.flush()
    if (this.#outbox.isStuck) this.socket.destroy()
    else endSocket(this.socket)
  }

  #onBlock(streamId: number, block: Buffer, atEnd: boolean): void {
    // Also for streams that are over: blocks build on one another.
    const fields = this.#decode(streamId, block)
    const cost = costOfHeaders(Math.max(block.byteLength, this.#decoder.listBytes))
    if (cost > 0) this.onIdleFrame(cost)
    this.onHeaders(streamId, fields, this.#decoder.verdict, atEnd)
  }

  #decode(streamId: number, block: Buffer): HeaderFields {
    try {
      return this.#decoder.decode(block)
    } catch (error) {
      throw error instanceof HeaderListTooLarge ? new HeaderBlockTooLarge(streamId) : error
    }
  }

  #onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (!this.#hasSettings && type !== FrameType.settings) throw protocolError('the peer begins without settings')
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw protocolError('a header block is interrupted')
    if (type === FrameType.headers) {
      if (streamId === 0) throw protocolError('HEADERS without a stream')
      this.#blocks.onHeaders(flags, streamId, payload)
    } else if (type === FrameType.windowUpdate) this.#onWindowUpdate(streamId, numberOf(payload) & MAX_WINDOW_BYTES)
    else if (type === FrameType.rstStream) this.#onReset(streamId, numberOf(payload))
    else if (type === FrameType.settings) this.#onSettings(flags, streamId, payload)
    else if (type === FrameType.ping) this.#onPing(flags, streamId, payload)
    else if (type === FrameType.goaway) this.#onGoaway(streamId, payload)
    else if (type === FrameType.continuation) this.#blocks.onContinuation(flags, streamId, payload)
    else if (type === FrameType.priority) this.#onPriority(streamId, payload)
    else if (type === FrameType.pushPromise) throw protocolError('the peer pushes, which it must not')
    else this.onIdleFrame(costOf(payload))
  }

  #onGoaway(streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('GOAWAY on a stream')
    if (payload.length < GOAWAY_BYTES) throw frameSizeError()
    this.onGoaway(payload.readUInt32BE(0) & MAX_STREAM_ID, payload.readUInt32BE(4))
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('SETTINGS on a stream')
    if (flags & FrameFlag.ack) {
      if (payload.length > 0) throw frameSizeError()
      this.onIdleFrame()
      return
    }
    const change = this.settings.apply(payload)
    this.onIdleFrame(costOf(payload) + (change === 0 ? 0 : this.streams.size))
    this.send([frame(FrameType.settings, FrameFlag.ack, 0, NO_PAYLOAD)])
    if (change !== 0) for (const stream of [...this.streams.values()]) stream.onSettings(change)
    if (this.#hasSettings) return
    this.#hasSettings = true
    this.onReady()
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (this.earnedUpdates === 0) this.onIdleFrame()
    else this.earnedUpdates = Math.min(MAX_EARNED_UPDATES, this.earnedUpdates) - 1
    if (streamId === 0) {
      if (bytes === 0) throw protocolError('a window that does not grow')
      this.sendWindow += bytes
      if (this.sendWindow > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window is out of bounds')
      this.#flushWaiting()
      return
    }
    const stream = this.streams.get(streamId)
    if (!stream) {
      if (!this.wasOpened(streamId)) throw protocolError('a window for a stream that nobody opened')
      return
    }
    if (bytes === 0) this.failStream(streamId, ErrorCode.protocolError)
    else if (!stream.mayGrow(bytes)) this.failStream(streamId, ErrorCode.flowControlError)
    else stream.onWindow(bytes)
  }

  #onReset(streamId: number, code: number): void {
    if (!this.wasOpened(streamId)) throw protocolError('the end of a stream that nobody opened')
    const stream = this.streams.get(streamId)
    if (stream) this.onReset(stream, code)
    else this.onIdleFrame()
  }

  #onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('PING on a stream')
    if (payload.length !== PING_BYTES) throw frameSizeError()
    this.onIdleFrame()
    if (flags & FrameFlag.ack) {
      this.#pings.shift()?.()
      return
    }
    this.send([frame(FrameType.ping, FrameFlag.ack, 0, payload)])
  }

  #onPriority(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw protocolError('PRIORITY without a stream')
    this.onIdleFrame()
    if (payload.length !== PRIORITY_BYTES) this.failStream(streamId, ErrorCode.frameSizeError)
    else if ((payload.readUInt32BE(0) & MAX_STREAM_ID) === streamId) this.failStream(streamId, ErrorCode.protocolError)
  }

  #flushWaiting(): void {
    this.#turns.flush()
    if (!this.isCongested) this.onRoom()
  }
}
