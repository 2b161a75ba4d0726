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

/** Send budget of the connection, which the streams draw on. */
export interface SendBudget {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow: number
  /** WINDOW_UPDATE frames that the peer may send in return for DATA; they do not count as idle frames. */
  earnedUpdates: number
  readonly maxSendFrameBytes: number
  /** Whether the unsent bytes of the connection exceed their limit; no DATA is sent then. */
  readonly isCongested: boolean
  /** @param mayCoalesce whether a small write may wait for the next one */
  send(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce?: boolean): void
  /** Calls back once when the socket has taken all bytes, or has been closed. */
  whenTaken(onTaken: () => void): void
}

/** Limit of DATA frames, below what some peers accept: other streams wait for the frame. */
const MAX_FRAME_BYTES = 256 << 10
/** Chunks that a stream sends per turn and per frame: it may have buffered many small messages. */
const TURN_CHUNKS = 4096
const MAX_FRAME_CHUNKS = 1024
/**
 * WINDOW_UPDATE frames that a DATA frame earns: peers return each frame, or each piece that they read, to the stream's window and
 * to the connection's.
 */
const UPDATES_PER_FRAME = 4
const BYTES_PER_UPDATE = 512
/** A shorter frame that leaves bytes unsent earns none: the peer keeps its window small. */
const MIN_CUT_BYTES = 1024
const none = new Uint8Array(0)

interface Mark {
  /** Start and end of the message's bytes, as offsets in the stream. */
  readonly from: number
  readonly at: number
  readonly onTaken: () => void
}

/** Send buffer of one stream: cuts chunks into DATA frames without copying, as far as the peer's flow-control windows allow. */
export class SendQueue {
  /** Bytes that the peer's stream window lets us send. */
  window: number
  readonly #chunks = new Fifo<Uint8Array>()
  /** Sent bytes of the first chunk. */
  #offset = 0
  #byteLength = 0
  #sent = 0
  readonly #marks = new Fifo<Mark>()

  constructor(window: number) {
    this.window = window
  }

  /** Buffered bytes. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** @param onTaken called once when the socket has taken these bytes, or when they will not be sent */
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
   * Sends buffered bytes as far as the windows and the turn allow.
   * @param isLast whether neither data nor trailers follow: the last frame carries END_STREAM
   * @param maxBytes bytes per turn, so that other streams get theirs
   * @returns whether END_STREAM was sent
   */
  flush(budget: SendBudget, streamId: number, isLast: boolean, maxBytes: number, mayCoalesce = false): boolean {
    let bytesLeft = maxBytes
    let chunksLeft = TURN_CHUNKS
    let ended = false
    while (this.#byteLength > 0 && bytesLeft > 0 && chunksLeft > 0 && !budget.isCongested) {
      const most = Math.min(this.window, budget.sendWindow, budget.maxSendFrameBytes, MAX_FRAME_BYTES)
      if (most <= 0) break
      const before = this.#byteLength
      const chunks = this.#takeFrame(streamId, most, isLast)
      const length = before - this.#byteLength
      ended = isLast && this.#byteLength === 0
      if (length === before || length >= MIN_CUT_BYTES)
        budget.earnedUpdates += UPDATES_PER_FRAME + Math.ceil(length / BYTES_PER_UPDATE)
      budget.send(chunks, undefined, mayCoalesce)
      this.window -= length
      budget.sendWindow -= length
      bytesLeft -= length
      chunksLeft -= chunks.length
    }
    while (this.#marks.length > 0 && this.#marks.first!.at <= this.#sent)
      budget.send([], this.#marks.shift().onTaken, mayCoalesce)
    return ended
  }

  /** Sends END_STREAM in an empty DATA frame. */
  end(budget: SendBudget, streamId: number): void {
    budget.send([frame(FrameType.data, FrameFlag.endStream, streamId, none)])
  }

  /** Applies the peer's WINDOW_UPDATE or SETTINGS. @throws Http2ProtocolError when the window exceeds 2^31 - 1 bytes */
  grow(bytes: number): void {
    this.window += bytes
    if (this.window > MAX_WINDOW_BYTES)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'the peer makes a stream window too large')
  }

  /** Discards the buffered bytes. The socket may still hold bytes of a message that was sent in part, so its callback waits. */
  drop(budget: SendBudget): void {
    this.#chunks.takeAll()
    this.#offset = 0
    this.#byteLength = 0
    for (const { from, onTaken } of this.#marks.takeAll()) {
      if (from < this.#sent) budget.whenTaken(onTaken)
      else onTaken()
    }
  }

  /** Builds a DATA frame of at most `most` bytes. It carries END_STREAM if `isLast` and nothing is left in the buffer. */
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
