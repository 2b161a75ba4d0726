import { ErrorCode, Http2ProtocolError, MAX_WINDOW_BYTES } from '../protocol.ts'
import { SendQueue, type SendRoom } from './send-queue.ts'

/** The connection as its streams see it. */
export interface StreamOwner extends SendRoom {
  /** Received bytes that are given back to the peer at a time. */
  readonly creditStep: number
  /** Lets the peer send more on a stream. */
  sendCredit(streamId: number, bytes: number): void
  /** Bytes of a stream that need no room of the connection any more. */
  onConsumed(bytes: number): void
  /** Has the stream flushed in its turn, as soon as the connection has room. */
  wait(stream: Http2Stream): void
  /** Sends a header block. */
  sendHeaders(streamId: number, block: Buffer, endStream: boolean): void
  /** Ends a stream from this side. */
  resetStream(stream: Http2Stream, code: number): void
}

/** Windows of a stream when it begins, in bytes. */
export interface StreamWindows {
  readonly send: number
  readonly receive: number
}

/** What both sides' streams have in common: windows in both directions, and an end. Source: RFC 9113, sections 5.1 and 5.2. */
export abstract class Http2Stream {
  readonly id: number
  /** The stream is over: nothing is sent or received any more. */
  closed = false
  protected readonly owner: StreamOwner
  protected readonly queue: SendQueue
  #receiveWindow: number
  #uncredited = 0
  #unconsumed = 0

  constructor(owner: StreamOwner, id: number, windows: StreamWindows) {
    this.owner = owner
    this.id = id
    this.queue = new SendQueue(windows.send)
    this.#receiveWindow = windows.receive
  }

  /** Sends what waits, up to so many bytes. What the connection alone holds up is sent when it has room, by `owner.wait`. */
  abstract flush(maxBytes: number): void

  /** The peer's window has grown, or shrunk. @throws Http2ProtocolError when it is larger than any may be */
  onWindow(bytes: number): void {
    this.queue.grow(bytes)
    this.flush(Number.POSITIVE_INFINITY)
  }

  /** As `onWindow`, but what waits is sent in its turn only. @throws Http2ProtocolError as `onWindow` */
  onSettings(bytes: number): void {
    this.queue.grow(bytes)
    this.waitIfHeldUp()
  }

  /** Waits for a turn where only the connection keeps what waits from being sent. */
  protected waitIfHeldUp(): void {
    if (this.queue.byteLength > 0 && this.queue.window > 0) this.owner.wait(this)
  }

  /** Whether the peer's window may grow by so much. */
  mayGrow(bytes: number): boolean {
    return this.queue.window + bytes <= MAX_WINDOW_BYTES
  }

  /** Counts bytes of DATA against our window. @throws Http2ProtocolError when the peer has sent more than it may */
  received(bytes: number): void {
    this.#receiveWindow -= bytes
    this.#unconsumed += bytes
    if (this.#receiveWindow < 0)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'the peer sends more than the window lets it')
  }

  /** Gives received bytes back to the window: the peer may send as many more. */
  credit(bytes: number): void {
    if (this.closed) return
    const consumed = Math.min(bytes, this.#unconsumed)
    this.#unconsumed -= consumed
    this.owner.onConsumed(consumed)
    this.#uncredited += bytes
    if (this.#uncredited < this.owner.creditStep) return
    this.owner.sendCredit(this.id, this.#uncredited)
    this.#receiveWindow += this.#uncredited
    this.#uncredited = 0
  }

  /** Ends the stream at once; the listener hears nothing more but that it is over. */
  reset(code: number = ErrorCode.cancel): void {
    if (!this.closed) this.owner.resetStream(this, code)
  }

  /** The connection has forgotten the stream. */
  close(): void {
    this.closed = true
    this.queue.drop(this.owner)
    this.owner.onConsumed(this.#unconsumed)
    this.#unconsumed = 0
  }
}
