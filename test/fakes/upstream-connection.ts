import type { Socket } from 'node:net'
import { Deframer } from '../../src/grpc/server/requests/deframer.ts'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame, goawayFrame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { HeaderDecoder, type HeaderFields } from '../../src/http2/hpack/header-decoder.ts'
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  FrameFlag,
  FrameType,
  PREFACE,
  Setting,
} from '../../src/http2/protocol.ts'
import { UpstreamCall } from './upstream-call.ts'

const none = Buffer.alloc(0)
const MAX_MESSAGE_BYTES = 1 << 28

/** The first bytes of an HTTP/2 server: its SETTINGS, and an ACK of the client's. */
export const opening = Buffer.concat([settingsFrame([]), frame(FrameType.settings, FrameFlag.ack, 0, none)])

/** GOAWAY with NO_ERROR. @param last the last stream that the server works on */
export function goaway(last: number): Buffer {
  return goawayFrame(last, ErrorCode.noError)
}

/** An incomplete request. */
interface Request {
  readonly headers: HeaderFields
  readonly deframer: Deframer
  readonly messages: Buffer[]
}

/**
 * A client's connection to the fake upstream: the HTTP/2 layer below all behaviours. It reads requests and tracks the
 * windows; the calls decide what it sends, so that they can break every rule. It reads with the parts of src/http2 that
 * the gateway's server uses, and writes frames itself.
 */
export class UpstreamConnection {
  readonly socket: Socket
  /** Bytes that the client lets the server send on all streams together. */
  windowBytes = DEFAULT_WINDOW_BYTES
  /** Largest frame that the client accepts. */
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES
  readonly #onCall: (call: UpstreamCall) => void
  readonly #onCancelledRequest: () => void
  readonly #decoder = new HeaderDecoder(4096, 1 << 20)
  readonly #requests = new Map<number, Request>()
  readonly #calls = new Map<number, UpstreamCall>()
  #initialWindowBytes = DEFAULT_WINDOW_BYTES
  #hasSettings = false
  #lastStreamId = 0
  #isClosing = false
  #changed = Promise.withResolvers<void>()

  /** @param on listeners for complete requests, and for those that the client aborts */
  constructor(socket: Socket, on: { call(call: UpstreamCall): void; cancelledRequest(): void }) {
    this.socket = socket
    this.#onCall = on.call
    this.#onCancelledRequest = on.cancelledRequest
    this.#read()
    socket.on('drain', () => this.#wake())
    socket.on('close', () => {
      for (const call of [...this.#calls.values()]) call.over(ErrorCode.cancel)
      for (const _ of this.#requests) this.#onCancelledRequest()
      this.#requests.clear()
      this.#wake()
    })
  }

  /** Number of requests that the client has begun and not ended. */
  get incomplete(): number {
    return this.#requests.size
  }

  /** Resolves when windows, settings, the socket's buffer or a call have changed. */
  changed(): Promise<void> {
    return this.#changed.promise
  }

  /** Resolves when the socket accepts more, or is closed, or the call is over. */
  async drained(call?: UpstreamCall): Promise<void> {
    while (this.socket.writableNeedDrain && !this.socket.destroyed && !call?.isOver) await this.changed()
  }

  /** Sends GOAWAY with NO_ERROR; running calls are unaffected. */
  goaway(): void {
    this.socket.write(goaway(this.#lastStreamId))
  }

  /** Sends GOAWAY, and closes the connection when the calls on it are over. */
  close(): void {
    this.goaway()
    this.#isClosing = true
    if (this.#calls.size === 0) this.socket.end()
  }

  /** Records the end of a call on this connection. */
  forget(call: UpstreamCall): void {
    this.#calls.delete(call.streamId)
    this.#wake()
    if (this.#isClosing && this.#calls.size === 0) this.socket.end()
  }

  #wake(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }

  #read(): void {
    let block: Buffer[] = []
    let blockEndsStream = false
    let uncreditedBytes = 0
    const reader = new FrameReader(1 << 24, {
      onData: (streamId, bytes) => {
        const request = this.#requests.get(streamId)
        request?.messages.push(...request.deframer.push(Buffer.from(bytes)).map((message) => message.bytes))
      },
      onDataEnd: (streamId, length, _padding, isEnd) => {
        uncreditedBytes += length
        if (uncreditedBytes >= DEFAULT_WINDOW_BYTES / 4) {
          this.socket.write(numberFrame(FrameType.windowUpdate, 0, uncreditedBytes))
          uncreditedBytes = 0
        }
        if (length > 0 && !isEnd) this.socket.write(numberFrame(FrameType.windowUpdate, streamId, length))
        if (isEnd) this.#endRequest(streamId)
      },
      onFrame: (type, flags, streamId, payload) => {
        if (type !== FrameType.headers && type !== FrameType.continuation)
          return this.#takeFrame(type, flags, streamId, payload)
        if (type === FrameType.headers) blockEndsStream = (flags & FrameFlag.endStream) !== 0
        block.push(Buffer.from(payload))
        if ((flags & FrameFlag.endHeaders) === 0) return
        const headers = this.#decoder.decode(Buffer.concat(block))
        block = []
        this.#lastStreamId = streamId
        this.#requests.set(streamId, { headers, deframer: new Deframer(MAX_MESSAGE_BYTES), messages: [] })
        if (blockEndsStream) this.#endRequest(streamId)
      },
    })
    let skipped = 0
    this.socket.on('data', (bytes: Buffer) => {
      const preface = Math.min(PREFACE.length - skipped, bytes.length)
      const isHttp2 = bytes.subarray(0, preface).equals(PREFACE.subarray(skipped, skipped + preface))
      skipped += preface
      try {
        if (!isHttp2) throw new Error('the client does not speak HTTP/2')
        reader.push(bytes.subarray(preface))
      } catch {
        this.socket.destroy()
      }
    })
  }

  #endRequest(streamId: number): void {
    const request = this.#requests.get(streamId)
    if (!request) return
    this.#requests.delete(streamId)
    const call = new UpstreamCall(this, streamId, { ...request, windowBytes: this.#initialWindowBytes })
    this.#calls.set(streamId, call)
    this.#onCall(call)
  }

  #takeFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.windowUpdate) {
      const call = this.#calls.get(streamId)
      if (streamId === 0) this.windowBytes += payload.readUInt32BE(0)
      else if (call) call.windowBytes += payload.readUInt32BE(0)
      this.#wake()
    } else if (type === FrameType.settings && (flags & FrameFlag.ack) === 0) this.#takeSettings(payload)
    else if (type === FrameType.ping && (flags & FrameFlag.ack) === 0)
      this.socket.write(frame(FrameType.ping, FrameFlag.ack, 0, payload))
    else if (type === FrameType.rstStream) {
      if (this.#requests.delete(streamId)) this.#onCancelledRequest()
      this.#calls.get(streamId)?.over(payload.readUInt32BE(0))
    }
  }

  #takeSettings(payload: Buffer): void {
    // `opening` acknowledges the first ones.
    if (this.#hasSettings) this.socket.write(frame(FrameType.settings, FrameFlag.ack, 0, none))
    this.#hasSettings = true
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2)
      if (payload.readUInt16BE(at) === Setting.maxFrameSize) this.maxFrameBytes = value
      if (payload.readUInt16BE(at) !== Setting.initialWindowSize) continue
      for (const call of this.#calls.values()) call.windowBytes += value - this.#initialWindowBytes
      this.#initialWindowBytes = value
    }
    this.#wake()
  }
}
