import type { Socket } from 'node:net'
import { FrameReader } from './frame-reader.ts'
import { frame, goawayFrame, headersFrames, numberFrame } from './frame-writer.ts'
import { HeaderBlocks } from './header-blocks.ts'
import { HeaderDecoder, type HeaderFields, type Verdict } from './header-decoder.ts'
import { noTable } from './header-encoder.ts'
import { Outbox } from './outbox.ts'
import { HEADER_TABLE_BYTES, PeerSettings } from './peer-settings.ts'
import {
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameFlag,
  FrameType,
  Http2ProtocolError,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
} from './protocol.ts'
import type { Http2Stream, StreamOwner } from './stream.ts'

/** What this side offers the peer. */
export interface ConnectionOptions {
  /** Window of each stream, for what the peer sends. */
  readonly windowBytes: number
  readonly maxFrameBytes: number
  readonly maxHeaderListBytes: number
  /** Encoded size of a header block; by default 256 KiB. */
  readonly maxHeaderBlockBytes?: number
}

/** What one stream may send before the others get their turn. */
const TURN_BYTES = 256 << 10
const NO_PAYLOAD = Buffer.alloc(0)
/** How long a peer may take to close its side, in milliseconds. */
const LINGER_MS = 1000
const PING_BYTES = 8
const PRIORITY_BYTES = 5
const GOAWAY_BYTES = 8

/**
 * What both sides of an HTTP/2 connection have in common. Push is not known, priorities are ignored. What breaks a rule on one
 * stream ends that stream; what breaks a rule of the connection ends it, with a GOAWAY that says why. Source: RFC 9113.
 */
export abstract class Http2Connection<S extends Http2Stream> implements StreamOwner {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow = DEFAULT_WINDOW_BYTES
  /** Received bytes that are given back to the peer at a time. */
  readonly creditStep: number
  /** Nothing is sent or received any more. */
  closed = false
  protected readonly streams = new Map<number, S>()
  protected readonly settings: PeerSettings
  protected readonly socket: Socket
  readonly #outbox: Outbox
  readonly #reader: FrameReader
  readonly #blocks: HeaderBlocks
  readonly #decoder: HeaderDecoder
  readonly #pings: (() => void)[] = []
  /** Streams that only the connection holds up, in the order of their turns. */
  readonly #waiting = new Set<Http2Stream>()
  #hasSettings = false

  /**
   * @param socket connected, TLS included; its data must be handed to `receive`
   * @param peerIsClient whether this is the server's side
   */
  constructor(socket: Socket, options: ConnectionOptions, peerIsClient: boolean) {
    this.socket = socket
    this.settings = new PeerSettings(peerIsClient)
    this.#outbox = new Outbox(socket)
    this.creditStep = options.windowBytes >> 2
    this.#blocks = new HeaderBlocks(
      (streamId, block, endStream) => this.#onBlock(streamId, block, endStream),
      options.maxHeaderBlockBytes,
    )
    this.#decoder = new HeaderDecoder(HEADER_TABLE_BYTES, options.maxHeaderListBytes)
    this.#reader = new FrameReader(options.maxFrameBytes, {
      onData: (streamId, bytes) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw wrong('a header block is interrupted')
        this.onData(streamId, bytes)
      },
      onDataEnd: (streamId, length, padding, endStream) => {
        if (this.closed) return
        if (this.#blocks.isOpen) throw wrong('a header block is interrupted')
        this.onDataEnd(streamId, length, padding, endStream)
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

  /** Size of the header block that has come last, in bytes, overheads counted. */
  protected get headerListBytes(): number {
    return this.#decoder.listBytes
  }

  /** Takes what was read from the socket. */
  receive(bytes: Buffer): void {
    if (this.closed) return
    try {
      this.#reader.push(bytes)
    } catch (error) {
      this.end(error as Error)
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
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayLinger = false): void {
    if (this.closed) {
      if (onTaken) this.#outbox.whenTaken(onTaken)
      return
    }
    this.#outbox.send(chunks, onTaken, mayLinger)
    if (this.#outbox.isStuck) this.end(new Error('the peer reads nothing'))
  }

  /** For streams. */
  whenTaken(onTaken: () => void): void {
    this.#outbox.whenTaken(onTaken)
  }

  /** For streams. */
  wait(stream: Http2Stream): void {
    this.#waiting.add(stream)
  }

  /** For streams. */
  sendHeaders(streamId: number, block: Buffer, endStream: boolean): void {
    const { hasSmallerTable, maxFrameBytes } = this.settings
    this.settings.hasSmallerTable = false
    const whole = hasSmallerTable ? Buffer.concat([noTable, block]) : block
    this.send([headersFrames(streamId, whole, endStream, maxFrameBytes)])
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
  protected abstract onDataEnd(streamId: number, length: number, padding: number, endStream: boolean): void
  protected abstract onHeaders(streamId: number, fields: HeaderFields, verdict: Verdict, endStream: boolean): void
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
    this.#waiting.delete(stream)
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
    if (error instanceof Http2ProtocolError) this.#outbox.send([goawayFrame(this.lastStreamId, error.code)])
    this.closed = true
    this.onOver(error)
    this.#outbox.flush()
    if (this.#outbox.isStuck) {
      this.socket.destroy()
      return
    }
    // A socket that is closed while the peer still sends takes back what the peer has not read yet.
    this.socket.end()
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS)
    timer.unref()
    this.socket.once('close', () => clearTimeout(timer))
  }

  #onBlock(streamId: number, block: Buffer, endStream: boolean): void {
    // Also for streams that are over: blocks build on one another.
    const fields = this.#decoder.decode(block)
    this.onHeaders(streamId, fields, this.#decoder.verdict, endStream)
  }

  #onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (!this.#hasSettings && type !== FrameType.settings) throw wrong('the peer does not begin with its settings')
    if (this.#blocks.isOpen && type !== FrameType.continuation) throw wrong('a header block is interrupted')
    if (type === FrameType.headers) {
      if (streamId === 0) throw wrong('HEADERS without a stream')
      this.#blocks.onHeaders(flags, streamId, payload)
    } else if (type === FrameType.windowUpdate) this.#onWindowUpdate(streamId, numberOf(payload) & MAX_WINDOW_BYTES)
    else if (type === FrameType.rstStream) this.#onReset(streamId, numberOf(payload))
    else if (type === FrameType.settings) this.#onSettings(flags, streamId, payload)
    else if (type === FrameType.ping) this.#onPing(flags, streamId, payload)
    else if (type === FrameType.goaway) this.#onGoaway(streamId, payload)
    else if (type === FrameType.continuation) this.#blocks.onContinuation(flags, streamId, payload)
    else if (type === FrameType.priority) this.#onPriority(streamId, payload)
    else if (type === FrameType.pushPromise) throw wrong('the peer pushes, which it must not')
    else this.onIdleFrame(costOf(payload))
  }

  #onGoaway(streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw wrong('GOAWAY on a stream')
    if (payload.length < GOAWAY_BYTES) throw cutShort()
    this.onGoaway(payload.readUInt32BE(0) & MAX_STREAM_ID, payload.readUInt32BE(4))
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw wrong('SETTINGS on a stream')
    if (flags & FrameFlag.ack) {
      if (payload.length > 0) throw cutShort()
      this.onIdleFrame()
      return
    }
    const change = this.settings.apply(payload)
    this.onIdleFrame(costOf(payload) + (change === 0 ? 0 : this.streams.size))
    this.send([frame(FrameType.settings, FrameFlag.ack, 0, NO_PAYLOAD)])
    if (change !== 0) for (const stream of [...this.streams.values()]) stream.onWindow(change)
    if (this.#hasSettings) return
    this.#hasSettings = true
    this.onReady()
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) {
      if (bytes === 0) throw wrong('a window that does not grow')
      this.sendWindow += bytes
      if (this.sendWindow > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window is out of bounds')
      this.#flushWaiting()
      return
    }
    const stream = this.streams.get(streamId)
    if (!stream) {
      if (!this.wasOpened(streamId)) throw wrong('a window for a stream that nobody opened')
      return
    }
    if (bytes === 0) this.failStream(streamId, ErrorCode.protocolError)
    else if (!stream.mayGrow(bytes)) this.failStream(streamId, ErrorCode.flowControlError)
    else stream.onWindow(bytes)
  }

  #onReset(streamId: number, code: number): void {
    if (!this.wasOpened(streamId)) throw wrong('the end of a stream that nobody opened')
    const stream = this.streams.get(streamId)
    if (stream) this.onReset(stream, code)
  }

  #onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw wrong('PING on a stream')
    if (payload.length !== PING_BYTES) throw cutShort()
    this.onIdleFrame()
    if (flags & FrameFlag.ack) {
      this.#pings.shift()?.()
      return
    }
    this.send([frame(FrameType.ping, FrameFlag.ack, 0, payload)])
  }

  #onPriority(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw wrong('PRIORITY without a stream')
    this.onIdleFrame()
    if (payload.length !== PRIORITY_BYTES) this.failStream(streamId, ErrorCode.frameSizeError)
    else if ((payload.readUInt32BE(0) & MAX_STREAM_ID) === streamId) this.failStream(streamId, ErrorCode.protocolError)
  }

  /** Those who wait send a share each, in turn, until none can send more. */
  #flushWaiting(): void {
    while (!this.closed && !this.isCongested && this.sendWindow > 0) {
      const [next] = this.#waiting
      if (!next) break
      this.#waiting.delete(next)
      next.flush(TURN_BYTES)
    }
    if (!this.isCongested) this.onRoom()
  }
}

/** Of how many idle frames: one, and more where there is much to take in. */
function costOf(payload: Buffer): number {
  return 1 + (payload.length >> 10)
}

function numberOf(payload: Buffer): number {
  if (payload.length !== 4) throw cutShort()
  return payload.readUInt32BE(0)
}

function cutShort(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.frameSizeError, 'a frame has a size that it must not have')
}

/** A rule of the connection was broken. */
export function wrong(why: string): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.protocolError, why)
}
