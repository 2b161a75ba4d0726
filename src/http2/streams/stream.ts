import { ErrorCode, Http2ProtocolError, MAX_WINDOW_BYTES } from '../protocol.ts'
import { type SendBudget, SendQueue } from './send-queue.ts'

/** The part of the connection that its streams use. */
export interface StreamOwner extends SendBudget {
  /** A stream returns credit (WINDOW_UPDATE) to the peer once it has consumed this many bytes. */
  readonly creditStep: number
  /** Sends a WINDOW_UPDATE. */
  sendCredit(streamId: number, bytes: number): void
  /** A stream consumed or discarded bytes: they no longer count against the connection's receive window. */
  onConsumed(bytes: number): void
  /** Queues the stream to be flushed in turn, once the connection allows DATA. */
  wait(stream: Http2Stream): void
  /** Sends a header block. */
  sendHeaders(streamId: number, block: Buffer, endStream: boolean): void
  /** Sends RST_STREAM and ends the stream. */
  resetStream(stream: Http2Stream, code: number): void
}

/** Initial flow-control windows of a stream, in bytes. */
export interface StreamWindows {
  readonly send: number
  readonly receive: number
}

/** Base of client and server streams: flow control in both directions, and the end. Source: RFC 9113, sections 5.1 and 5.2. */
export abstract class Http2Stream {
  readonly id: number
  /** The stream ended: nothing is sent or received any more. */
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

  /** Sends up to `maxBytes` of the buffer. If only the connection blocks the rest, `owner.wait` sends it later. */
  abstract flush(maxBytes: number): void

  /** The peer's WINDOW_UPDATE changes the send window. @throws Http2ProtocolError when it exceeds 2^31 - 1 bytes */
  onWindow(bytes: number): void {
    this.queue.grow(bytes)
    this.flush(Number.POSITIVE_INFINITY)
  }

  /** The peer's SETTINGS change the send window; the stream sends in its turn only. @throws Http2ProtocolError as `onWindow` */
  onSettings(bytes: number): void {
    this.queue.grow(bytes)
    this.waitIfBlocked()
  }

  /** Queues the stream if only the connection blocks its buffered bytes. */
  protected waitIfBlocked(): void {
    if (this.queue.byteLength > 0 && this.queue.window > 0) this.owner.wait(this)
  }

  /** Whether a WINDOW_UPDATE keeps the send window within 2^31 - 1 bytes. */
  mayGrow(bytes: number): boolean {
    return this.queue.window + bytes <= MAX_WINDOW_BYTES
  }

  /** Counts received DATA against the receive window. @throws Http2ProtocolError when the peer exceeds it */
  received(bytes: number): void {
    this.#receiveWindow -= bytes
    this.#unconsumed += bytes
    if (this.#receiveWindow < 0)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'the peer exceeds the stream window')
  }

  /** Returns consumed bytes to the receive window, by WINDOW_UPDATE once `creditStep` is reached. */
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

  /** Resets the stream at once. The listener gets no more events, except a server stream's `onClose`. */
  reset(code: number = ErrorCode.cancel): void {
    if (!this.closed) this.owner.resetStream(this, code)
  }

  /** Called by the connection when it removes the stream. */
  close(): void {
    this.closed = true
    this.queue.drop(this.owner)
    this.owner.onConsumed(this.#unconsumed)
    this.#unconsumed = 0
  }
}
