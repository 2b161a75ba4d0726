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
import { SendScheduler } from './scheduling/send-scheduler.ts'
import { WriteBatcher } from './scheduling/write-batcher.ts'
import type { Http2Stream, StreamOwner } from './streams/stream.ts'

/** Limits that this side announces to the peer. */
export interface ConnectionOptions {
  /** Receive window of each stream, in bytes. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  /** Size limit of a header list, in bytes; a larger one ends its stream. Source: RFC 7541, section 4.1. */
  readonly maxHeaderListBytes: number
  /** A larger header block ends the connection. Default: 256 KiB encoded; decoded, twice `maxHeaderListBytes`. */
  readonly maxHeaderBlockBytes?: number
}

const NO_PAYLOAD = Buffer.alloc(0)
const PING_BYTES = 8
const PRIORITY_BYTES = 5
const GOAWAY_BYTES = 8
/** Upper bound on `earnedUpdates`. */
const MAX_EARNED_UPDATES = 50_000

/**
 * Base of both sides of an HTTP/2 connection; no server push, and priorities are ignored. A stream error resets the stream. A
 * connection error ends the connection, with a GOAWAY that carries the error code. Source: RFC 9113.
 */
export abstract class Http2Connection<S extends Http2Stream> implements StreamOwner {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow = DEFAULT_WINDOW_BYTES
  /** WINDOW_UPDATE frames that the peer may send in return for DATA; they do not count as idle frames. */
  earnedUpdates = 0
  /** A stream returns credit (WINDOW_UPDATE) to the peer once it has consumed this many bytes. */
  readonly creditStep: number
  /** Nothing is sent or received any more. */
  closed = false
  protected readonly streams = new Map<number, S>()
  protected readonly settings: PeerSettings
  /** The connection below HTTP/2, TLS included. */
  readonly socket: Socket
  readonly #writes: WriteBatcher
  readonly #reader: FrameReader
  readonly #blocks: HeaderBlocks
  readonly #decoder: HeaderDecoder
  readonly #pings: (() => void)[] = []
  readonly #scheduler = new SendScheduler(this)
  #hasSettings = false

  /**
   * @param socket connected, TLS included; its data must be handed to `receive`
   * @param peerIsClient whether this is the server's side
   */
  constructor(socket: Socket, options: ConnectionOptions, peerIsClient: boolean) {
    this.socket = socket
    this.settings = new PeerSettings(peerIsClient)
    this.#writes = new WriteBatcher(socket)
    this.creditStep = options.windowBytes >> 2
    const onBlock = (streamId: number, block: Buffer, atEnd: boolean) => this.#onBlock(streamId, block, atEnd)
    this.#blocks = new HeaderBlocks(onBlock, options.maxHeaderBlockBytes)
    this.#decoder = new HeaderDecoder(HEADER_TABLE_BYTES, options.maxHeaderListBytes, options.maxHeaderBlockBytes)
    this.#reader = new FrameReader(options.maxFrameBytes, {
      onData: (streamId, bytes) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw protocolError('a frame interrupts a header block')
        this.onData(streamId, bytes)
      },
      onDataEnd: (streamId, length, padding, atEnd) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw protocolError('a frame interrupts a header block')
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

  /** Whether the unsent bytes exceed their limit; streams send no DATA then. */
  get isCongested(): boolean {
    return this.#writes.isCongested
  }

  /** Whether the connection allows DATA now; the stream's own window applies as well. */
  get isOpen(): boolean {
    return !this.closed && !this.isCongested && this.sendWindow > 0
  }

  /** Size of the last header list received, in bytes. Source: RFC 7541, section 4.1. */
  protected get headerListBytes(): number {
    return this.#decoder.listBytes
  }

  /** Processes bytes read from the socket. */
  receive(bytes: Buffer): void {
    this.receiveUntil(bytes, 0, Number.POSITIVE_INFINITY)
  }

  /**
   * Processes bytes read from the socket, up to a deadline.
   * @param until deadline (`performance.now()`) after which no further frame is started
   * @returns offset of the first byte not yet processed
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

  /** Sends a PING; calls `answered` when the peer acknowledges it. */
  ping(answered: () => void): void {
    this.#pings.push(answered)
    this.send([frame(FrameType.ping, 0, 0, Buffer.alloc(PING_BYTES))])
  }

  /** Ends the connection at once with a GOAWAY; open streams are lost. */
  destroy(): void {
    this.send([goawayFrame(this.lastStreamId, ErrorCode.noError)])
    this.end(undefined)
    // Do not wait for a peer that has stopped reading.
    if (this.socket.writableLength > 0) this.socket.destroy()
  }

  /** Called by streams. */
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce = false): void {
    if (this.closed) {
      if (onTaken) this.#writes.whenTaken(onTaken)
      return
    }
    this.#writes.send(chunks, onTaken, mayCoalesce)
    if (this.#writes.isStuck) this.end(new Error('the peer has stopped reading'))
  }

  /** Called by streams. */
  whenTaken(onTaken: () => void): void {
    this.#writes.whenTaken(onTaken)
  }

  /** Called by streams. */
  wait(stream: Http2Stream): void {
    this.#scheduler.add(stream)
  }

  /** Called by streams. */
  sendHeaders(streamId: number, block: Buffer, atEnd: boolean): void {
    const { hasSmallerTable, maxFrameBytes } = this.settings
    this.settings.hasSmallerTable = false
    const whole = hasSmallerTable ? Buffer.concat([noTable, block]) : block
    this.send([headersFrames(streamId, whole, atEnd, maxFrameBytes)])
  }

  /** Called by streams. */
  sendCredit(streamId: number, bytes: number): void {
    this.send([numberFrame(FrameType.windowUpdate, streamId, bytes)])
  }

  /** Called by streams. */
  resetStream(stream: Http2Stream, code: number): void {
    this.forget(stream as S)
    this.send([numberFrame(FrameType.rstStream, stream.id, code)])
  }

  abstract onConsumed(bytes: number): void

  /** Highest stream of the peer's that this side has started to process. */
  protected abstract readonly lastStreamId: number
  /** Whether the stream has left the idle state: it is open or was. */
  protected abstract wasOpened(streamId: number): boolean
  protected abstract onData(streamId: number, bytes: Buffer): void
  protected abstract onDataEnd(streamId: number, length: number, padding: number, atEnd: boolean): void
  protected abstract onHeaders(streamId: number, fields: HeaderFields, verdict: HeaderValidity, atEnd: boolean): void
  protected abstract onReset(stream: S, code: number): void
  protected abstract onGoaway(lastStreamId: number, code: number): void
  /** The peer's first SETTINGS frame arrived. */
  protected abstract onReady(): void
  /**
   * Charges the peer for idle frames: they cost this side work and carry neither a request nor data.
   * @param cost number of idle frames
   * @throws Http2ProtocolError when the peer exceeds its rate
   */
  protected abstract onIdleFrame(cost?: number): void
  /** The socket drained, or the connection's send window grew. */
  protected onWritable(): void {}
  /** The connection ended: the implementation tells each stream, then the owner. */
  protected abstract onOver(error: Error | undefined): void

  protected forget(stream: S): void {
    if (stream.closed) return
    this.streams.delete(stream.id)
    this.#scheduler.remove(stream)
    stream.close()
  }

  /** Handles a stream error: resets the stream, or only sends RST_STREAM if the stream has ended already. */
  protected failStream(streamId: number, code: number): void {
    const stream = this.streams.get(streamId)
    if (stream) this.resetStream(stream, code)
    else this.send([numberFrame(FrameType.rstStream, streamId, code)])
  }

  /** Ends the connection; a GOAWAY reports a protocol error. */
  protected end(error: Error | undefined): void {
    if (this.closed) return
    // RST_STREAM marks the call whose header block is too large: after a GOAWAY alone, clients retry it.
    if (error instanceof HeaderBlockTooLarge)
      this.#writes.send([numberFrame(FrameType.rstStream, error.streamId, error.code)])
    if (error instanceof Http2ProtocolError) this.#writes.send([goawayFrame(this.lastStreamId, error.code)])
    this.closed = true
    this.#blocks.close()
    this.onOver(error)
    this.#writes.flush()
    if (this.#writes.isStuck) this.socket.destroy()
    else endSocket(this.socket)
  }

  #onBlock(streamId: number, block: Buffer, atEnd: boolean): void {
    // Decode blocks of closed streams too: later blocks refer to the HPACK table that they fill.
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
    if (!this.#hasSettings && type !== FrameType.settings) throw protocolError("the peer's first frame is not SETTINGS")
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw protocolError('a frame interrupts a header block')
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
    else if (type === FrameType.pushPromise) throw protocolError('the peer sent PUSH_PROMISE')
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
      if (bytes === 0) throw protocolError('WINDOW_UPDATE with an increment of 0')
      this.sendWindow += bytes
      if (this.sendWindow > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'WINDOW_UPDATE makes the connection window too large')
      this.#flushWaiting()
      return
    }
    const stream = this.streams.get(streamId)
    if (!stream) {
      if (!this.wasOpened(streamId)) throw protocolError('WINDOW_UPDATE for an idle stream')
      return
    }
    if (bytes === 0) this.failStream(streamId, ErrorCode.protocolError)
    else if (!stream.mayGrow(bytes)) this.failStream(streamId, ErrorCode.flowControlError)
    else stream.onWindow(bytes)
  }

  #onReset(streamId: number, code: number): void {
    if (!this.wasOpened(streamId)) throw protocolError('RST_STREAM for an idle stream')
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
    this.#scheduler.flush()
    if (!this.isCongested) this.onWritable()
  }
}
