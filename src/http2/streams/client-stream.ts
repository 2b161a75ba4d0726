import type { ReceiveBuffer } from '../frames/receive-buffers.ts'
import type { HeaderFields } from '../hpack/header-decoder.ts'
import { Http2Stream, type StreamOwner, type StreamWindows } from './stream.ts'

/** How a stream ended other than by the peer's end of it. */
export type StreamEnd =
  | { readonly kind: 'reset'; readonly code: number }
  /** The connection has ended. `notProcessed`: the peer has said that it did not begin to work on the stream. */
  | { readonly kind: 'lost'; readonly notProcessed: boolean; readonly why?: string }
  /** The fields of the response are above the limit. */
  | { readonly kind: 'oversized' }

/** What a request hears of its response. */
export interface ResponseListener {
  /**
   * Initial or, after these, trailing fields.
   * @param isCut whether only the first of them are here, as together they are above the limit; true only for the last that come
   */
  onHeaders(fields: HeaderFields, isCut: boolean): void
  /** A piece of the body; valid after the call as long as the buffer is held. */
  onData(bytes: Buffer, buffer: ReceiveBuffer): void
  /** The peer has said all. */
  onEnd(): void
  /** The stream is over before that. */
  onAbort(end: StreamEnd): void
}

/**
 * One request and its response. The body is sent as far as the peer's windows let it; what is received counts against our
 * window until `credit` gives it back.
 */
export class ClientStream extends Http2Stream {
  readonly listener: ResponseListener
  /** The initial fields have come. */
  hasHeaders = false
  #isLast = false
  #sentEnd = false
  #drained: (() => void) | undefined

  constructor(owner: StreamOwner, id: number, windows: StreamWindows, listener: ResponseListener) {
    super(owner, id, windows)
    this.listener = listener
  }

  /** Whether the whole request has been sent. */
  get sentEnd(): boolean {
    return this.#sentEnd
  }

  /** Sends a piece of the body, and ends it where `isLast` says so. */
  write(chunks: readonly Uint8Array[], isLast: boolean): void {
    if (this.closed || this.#isLast) return
    this.#isLast = isLast
    this.queue.push(chunks)
    this.flush(Number.POSITIVE_INFINITY)
  }

  /** Waits until everything that was written has gone to the socket and the socket has taken it, or the stream is over. */
  async drained(): Promise<void> {
    while (!this.closed && (this.queue.byteLength > 0 || this.owner.isCongested))
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
  }

  override flush(maxBytes: number): void {
    if (this.queue.flush(this.owner, this.id, this.#isLast, maxBytes)) this.#sentEnd = true
    // All has gone before it was known to be the last.
    if (this.#isLast && !this.#sentEnd && this.queue.byteLength === 0) {
      this.#sentEnd = true
      this.queue.end(this.owner, this.id)
    }
    if (this.queue.byteLength === 0 && !this.owner.isCongested) this.#wake()
    this.waitIfHeldUp()
  }

  override close(): void {
    super.close()
    this.#wake()
  }

  #wake(): void {
    this.#drained?.()
    this.#drained = undefined
  }
}
