import { prefixOf } from '../../src/grpc/message-prefix.ts'
import { frame, headersFrames, numberFrame } from '../../src/http2/frames/frame-writer.ts'
import type { HeaderFields } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { DEFAULT_MAX_FRAME_BYTES, FrameFlag, FrameType } from '../../src/http2/protocol.ts'
import { sqlOf } from './flight-messages.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

type Fields = Readonly<Record<string, string>>
type Pairs = readonly (readonly [name: string, value: string])[]

/** A complete answer of a well-behaved server: initial metadata, messages and status. */
export interface Answer {
  readonly headers?: Fields
  readonly messages?: readonly Uint8Array[]
  readonly status?: number
  readonly text?: string
  readonly trailers?: Fields
}

const none = Buffer.alloc(0)

/**
 * A gRPC call at the fake upstream. A well-behaved answer uses `start`, `write`, `finish` and `answer`, which respect the
 * client's windows; a fault builds frames (`headersFrame`, `dataFrames`, ...) and sends them with `send` as they are.
 */
export class UpstreamCall {
  readonly connection: UpstreamConnection
  readonly streamId: number
  /** Short name of the gRPC method. */
  readonly method: string
  readonly headers: HeaderFields
  readonly messages: readonly Buffer[]
  /** Initial metadata of every answer; the answer may add more. */
  commonHeaders: Fields = {}
  /** Bytes that the client lets the server send on this stream. */
  windowBytes: number
  #hasStarted = false
  #isOver = false
  #onOver = (_code: number) => {}

  constructor(
    connection: UpstreamConnection,
    streamId: number,
    request: { readonly headers: HeaderFields; readonly messages: readonly Buffer[]; readonly windowBytes: number },
  ) {
    this.connection = connection
    this.streamId = streamId
    this.headers = request.headers
    this.messages = request.messages
    this.windowBytes = request.windowBytes
    this.method = String(request.headers[':path']).split('/').at(-1)!
  }

  /** The statement of GetFlightInfo or DoPut, or the ticket of DoGet, without SELECT; empty for other methods. */
  get sql(): string {
    return sqlOf(this.method, this.messages[0] ?? none)
  }

  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** Whether either side has ended the stream, or the connection is closed. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Registers a listener for the end: the code of RST_STREAM, 0 for none, CANCEL for a lost connection. */
  whenOver(heard: (code: number) => void): void {
    this.#onOver = heard
  }

  /** The stream has ended; only the first end counts. */
  over(code: number): void {
    if (this.#isOver) return
    this.#isOver = true
    this.connection.forget(this)
    this.#onOver(code)
  }

  /** Sends the initial metadata, once. */
  start(more: Fields = {}): void {
    if (this.#hasStarted || this.#isOver) return
    this.#hasStarted = true
    this.send(this.headersFrame(Object.entries({ ...this.commonHeaders, ...more })))
  }

  /** Sends bytes of the body within the client's windows; resolves when all are sent or the call is over. */
  async write(bytes: Uint8Array): Promise<void> {
    const { connection } = this
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      const room = Math.min(this.windowBytes, connection.windowBytes, connection.maxFrameBytes, bytes.length - at)
      if (room <= 0) {
        await connection.changed()
        continue
      }
      this.windowBytes -= room
      connection.windowBytes -= room
      if (!this.send(frame(FrameType.data, 0, this.streamId, bytes.subarray(at, at + room))))
        await connection.drained(this)
      at += room
    }
  }

  /** Sends a message as `write` does. */
  async writeMessage(message: Uint8Array): Promise<void> {
    await this.write(framed(message))
  }

  /** Ends the call with a status. */
  finish(status: number, text = '', trailers: Fields = {}): void {
    if (this.#isOver) return
    this.start()
    this.send(this.trailersFrame(status, encodeURIComponent(text), Object.entries(trailers)))
    this.over(0)
  }

  /** Ends the stream with END_STREAM, and no trailers. */
  endWithoutTrailers(): void {
    if (this.#isOver) return
    this.send(frame(FrameType.data, FrameFlag.endStream, this.streamId, none))
    this.over(0)
  }

  /** Resets the stream. */
  reset(code: number): void {
    if (this.#isOver) return
    this.send(numberFrame(FrameType.rstStream, this.streamId, code))
    this.over(code)
  }

  /** Sends a complete answer. */
  async answer({ headers, messages = [], status = 0, text, trailers }: Answer): Promise<void> {
    this.start(headers)
    for (const message of messages) await this.writeMessage(message)
    this.finish(status, text, trailers)
  }

  /** Sends bytes unchanged, ignoring the windows; returns false when the socket's buffer is full. */
  send(...frames: readonly Buffer[]): boolean {
    return this.connection.socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
  }

  headersFrame(more: Pairs = [], isEnd = false): Buffer {
    const fields = encodeHeaders([[':status', '200'], ['content-type', 'application/grpc'], ...more])
    return headersFrames(this.streamId, fields, isEnd, DEFAULT_MAX_FRAME_BYTES)
  }

  trailersFrame(status: number, text = '', more: Pairs = []): Buffer {
    const fields = encodeHeaders([['grpc-status', String(status)], ['grpc-message', text], ...more])
    return headersFrames(this.streamId, fields, true, DEFAULT_MAX_FRAME_BYTES)
  }

  /** DATA frames of at most the client's frame size; one empty frame for no bytes. */
  dataFrames(bytes: Uint8Array): Buffer {
    const { maxFrameBytes } = this.connection
    const frames: Buffer[] = []
    for (let at = 0; at === 0 || at < bytes.length; at += maxFrameBytes)
      frames.push(frame(FrameType.data, 0, this.streamId, bytes.subarray(at, at + maxFrameBytes)))
    return Buffer.concat(frames)
  }

  messageFrames(message: Uint8Array): Buffer {
    return this.dataFrames(framed(message))
  }

  /** Repeats the same body as fast as the client reads it, until the call is over. */
  async repeatWrite(bytes: Buffer): Promise<void> {
    while (!this.#isOver) await this.write(bytes)
  }

  /** Repeats the same bytes as fast as the socket accepts them, until it closes or `count` is reached. */
  async repeat(bytes: Buffer, count = Number.POSITIVE_INFINITY): Promise<void> {
    const { connection } = this
    for (let i = 0; i < count && !connection.socket.destroyed; i++) if (!this.send(bytes)) await connection.drained()
  }
}

/** A message with its prefix. */
export function framed(message: Uint8Array): Buffer {
  return Buffer.concat([prefixOf(message.byteLength), message])
}
