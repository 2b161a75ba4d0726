import type { ReceiveBuffer } from '../frames/receive-buffers.ts'
import type { HeaderFields } from '../hpack/header-decoder.ts'
import { Http2Stream, type StreamOwner, type StreamWindows } from './stream.ts'

/** Why a stream ended without a complete response. */
export type StreamEnd =
  | { readonly kind: 'reset'; readonly code: number }
  /** The connection ended. `notProcessed`: a GOAWAY says that the server did not process the stream, so a retry is safe. */
  | { readonly kind: 'lost'; readonly notProcessed: boolean; readonly why?: string }
  /** The header list of the response exceeds the limit. */
  | { readonly kind: 'oversized' }

/** Events of a response. */
export interface ResponseListener {
  /**
   * Initial headers or, after these, trailers.
   * @param isCut whether fields beyond the size limit were dropped; true only if the block ends the stream
   */
  onHeaders(fields: HeaderFields, isCut: boolean): void
  /** A chunk of the body; valid after the call only while the listener holds the buffer. */
  onData(bytes: Buffer, buffer: ReceiveBuffer): void
  /** The response is complete. */
  onEnd(): void
  /** The stream ended before that. */
  onAbort(end: StreamEnd): void
}

/**
 * One request and its response. The body is sent as far as the peer's flow-control windows allow; received bytes count against
 * this side's window until `credit` returns them.
 */
export class ClientStream extends Http2Stream {
  readonly listener: ResponseListener
  /** The initial headers arrived. */
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

  /** Sends a chunk of the body. @param isLast whether the body ends with it */
  write(chunks: readonly Uint8Array[], isLast: boolean): void {
    if (this.closed || this.#isLast) return
    this.#isLast = isLast
    this.queue.push(chunks)
    this.flush(Number.POSITIVE_INFINITY)
  }

  /** Waits until all written bytes have been sent and the connection is not congested, or the stream has ended. */
  async drained(): Promise<void> {
    while (!this.closed && (this.queue.byteLength > 0 || this.owner.isCongested))
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
  }

  override flush(maxBytes: number): void {
    if (this.queue.flush(this.owner, this.id, this.#isLast, maxBytes)) this.#sentEnd = true
    // All DATA was sent before `isLast` was known: send END_STREAM alone.
    if (this.#isLast && !this.#sentEnd && this.queue.byteLength === 0) {
      this.#sentEnd = true
      this.queue.end(this.owner, this.id)
    }
    if (this.queue.byteLength === 0 && !this.owner.isCongested) this.#wake()
    this.waitIfBlocked()
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
