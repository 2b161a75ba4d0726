import { frame, writeFrameHeader } from '../frames/frame-writer.ts'
import {
  ErrorCode,
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  Http2ProtocolError,
  MAX_WINDOW_BYTES,
} from '../protocol.ts'
import { Fifo } from '../scheduling/fifo.ts'

/** What a stream may send, of which it takes what it uses. */
export interface SendRoom {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow: number
  /** WINDOW_UPDATE frames that the peer may send for the DATA that it has got. */
  earnedUpdates: number
  readonly maxSendFrameBytes: number
  /** Whether the socket has more to send than it should. */
  readonly isCongested: boolean
  /** @param mayLinger whether a little may wait a moment for more */
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce?: boolean): void
  /** Calls back once when the socket has taken all that it was given, or never will. */
  whenTaken(onTaken: () => void): void
}

/** Peers may take larger frames than other streams should have to wait for. */
const MAX_FRAME_BYTES = 256 << 10
/** Chunks that are sent at a time, of one stream and in one frame: many small messages may wait. */
const TURN_CHUNKS = 4096
const MAX_FRAME_CHUNKS = 1024
/**
 * WINDOW_UPDATE frames that a DATA frame is good for: peers give back each frame, or each piece of it that they read, to its stream
 * and to the connection.
 */
const UPDATES_PER_FRAME = 4
const BYTES_PER_UPDATE = 512
/** With less than this, a frame that is not all there is tells of a window that the peer keeps small: it is good for none. */
const MIN_CUT_BYTES = 1024
const none = new Uint8Array(0)

interface Mark {
  /** Where its bytes begin and end, counted from the first of the stream. */
  readonly from: number
  readonly at: number
  readonly onTaken: () => void
}

/** The body of one stream on its way out: buffers that are cut into DATA frames as far as the peer's windows go, not copied. */
export class SendQueue {
  /** Bytes that the peer's stream window lets us send. */
  window: number
  readonly #chunks = new Fifo<Uint8Array>()
  /** Of the first chunk, what has been sent. */
  #offset = 0
  #byteLength = 0
  #sent = 0
  readonly #marks = new Fifo<Mark>()

  constructor(window: number) {
    this.window = window
  }

  /** What waits. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** @param onTaken called once when the socket has taken these bytes, or never will */
  push(chunks: readonly Uint8Array[], onTaken?: () => void): void {
    const from = this.#sent + this.#byteLength
    for (const chunk of chunks) {
      if (chunk.byteLength === 0) continue
      this.#chunks.push(chunk)
      this.#byteLength += chunk.byteLength
    }
    if (onTaken) this.#marks.push({ from, at: this.#sent + this.#byteLength, onTaken })
  }

  /**
   * Sends what waits, as far as it may, and as much as is fair in one turn.
   * @param isLast whether nothing follows, neither data nor trailers; END_STREAM is set then
   * @param maxBytes share of this stream, so that others get theirs
   * @returns whether END_STREAM was sent
   */
  flush(room: SendRoom, streamId: number, isLast: boolean, maxBytes: number, mayCoalesce = false): boolean {
    let bytesLeft = maxBytes
    let chunksLeft = TURN_CHUNKS
    let ended = false
    while (this.#byteLength > 0 && bytesLeft > 0 && chunksLeft > 0 && !room.isCongested) {
      const most = Math.min(this.window, room.sendWindow, room.maxSendFrameBytes, MAX_FRAME_BYTES)
      if (most <= 0) break
      const before = this.#byteLength
      const chunks = this.#takeFrame(streamId, most, isLast)
      const length = before - this.#byteLength
      ended = isLast && this.#byteLength === 0
      if (length === before || length >= MIN_CUT_BYTES)
        room.earnedUpdates += UPDATES_PER_FRAME + Math.ceil(length / BYTES_PER_UPDATE)
      room.send(chunks, undefined, mayCoalesce)
      this.window -= length
      room.sendWindow -= length
      bytesLeft -= length
      chunksLeft -= chunks.length
    }
    while (this.#marks.length > 0 && this.#marks.first!.at <= this.#sent)
      room.send([], this.#marks.shift().onTaken, mayCoalesce)
    return ended
  }

  /** Says that nothing follows. */
  end(room: SendRoom, streamId: number): void {
    room.send([frame(FrameType.data, FrameFlag.endStream, streamId, none)])
  }

  /** The peer has changed the window. @throws Http2ProtocolError when it is larger than any may be */
  grow(bytes: number): void {
    this.window += bytes
    if (this.window > MAX_WINDOW_BYTES)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window is out of bounds')
  }

  /** Forgets what waits: it will not be sent. Of a message that has been sent in part the socket may still hold bytes. */
  drop(room: SendRoom): void {
    this.#chunks.takeAll()
    this.#offset = 0
    this.#byteLength = 0
    for (const { from, onTaken } of this.#marks.takeAll()) {
      if (from < this.#sent) room.whenTaken(onTaken)
      else onTaken()
    }
  }

  /** Makes a DATA frame of so many bytes at most; it is the last where nothing waits behind it and `isLast` says so. */
  #takeFrame(streamId: number, most: number, isLast: boolean): Uint8Array[] {
    const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
    const out: Uint8Array[] = [head]
    const chunks = this.#chunks
    let length = 0
    while (length < most && chunks.length > 0 && out.length <= MAX_FRAME_CHUNKS) {
      const chunk = chunks.first!
      const take = Math.min(most - length, chunk.byteLength - this.#offset)
      out.push(take === chunk.byteLength ? chunk : chunk.subarray(this.#offset, this.#offset + take))
      length += take
      this.#offset += take
      if (this.#offset < chunk.byteLength) break
      chunks.shift()
      this.#offset = 0
    }
    this.#byteLength -= length
    this.#sent += length
    const flags = isLast && this.#byteLength === 0 ? FrameFlag.endStream : 0
    writeFrameHeader(head, 0, length, FrameType.data, flags, streamId)
    return out
  }
}
