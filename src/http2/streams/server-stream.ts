import { Http2Stream, type StreamOwner, type StreamWindows } from './stream.ts'

/** Events of a request. */
export interface RequestListener {
  /** A chunk of the body. */
  onData(bytes: Buffer): void
  /** The body is complete. */
  onEnd(): void
  /** The stream ended, for any reason; called once, as the last event. */
  onClose(): void
}

const noListener: RequestListener = { onData() {}, onEnd() {}, onClose() {} }

/**
 * Server side of one request and its response: headers, data, trailers. DATA that exceeds the client's flow-control windows is
 * buffered; the trailers follow it.
 */
export class ServerStream extends Http2Stream {
  listener: RequestListener = noListener
  /** The client has sent its whole request. */
  remoteEnded = false
  /** The client has sent a DATA frame with bytes. */
  hasData = false
  /** Size of the request's header list, in bytes. Source: RFC 7541, section 4.1. */
  requestHeaderBytes = 0
  #headersSent = false
  #trailers: Buffer | undefined
  #localEnded = false
  readonly #onLocalEnd: (stream: ServerStream) => void

  /** @param onLocalEnd called when the connection has the whole response */
  constructor(owner: StreamOwner, id: number, windows: StreamWindows, onLocalEnd: (stream: ServerStream) => void) {
    super(owner, id, windows)
    this.#onLocalEnd = onLocalEnd
  }

  get headersSent(): boolean {
    return this.#headersSent
  }

  /** Whether DATA is buffered because the client or the connection cannot take it yet. */
  get isBlocked(): boolean {
    return this.queue.byteLength > 0
  }

  /** Whether the connection has the whole response. */
  get localEnded(): boolean {
    return this.#localEnded
  }

  /** Sends the initial headers. @param block by `encodeHeaders` */
  respond(block: Buffer): void {
    if (this.closed || this.#headersSent) return
    this.#headersSent = true
    this.owner.sendHeaders(this.id, block, false)
  }

  /**
   * Sends a piece of the body; its chunks must not change until `onTaken` is called.
   * @param mayCoalesce whether a small write may wait for the next one
   */
  write(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce = false): void {
    if (this.closed || this.#trailers) {
      onTaken?.()
      return
    }
    this.queue.push(chunks, onTaken)
    this.queue.flush(this.owner, this.id, false, Number.POSITIVE_INFINITY, mayCoalesce)
    this.waitIfBlocked()
  }

  /** Ends the response with trailers. If no headers were sent (trailers-only), they must hold `:status`. */
  end(trailers: Buffer): void {
    if (this.closed || this.#trailers) return
    this.#trailers = trailers
    this.flush(Number.POSITIVE_INFINITY)
  }

  override flush(maxBytes: number): void {
    if (this.closed || this.#localEnded) return
    this.queue.flush(this.owner, this.id, false, maxBytes)
    this.waitIfBlocked()
    if (this.queue.byteLength > 0 || !this.#trailers) return
    this.#headersSent = true
    this.#localEnded = true
    this.owner.sendHeaders(this.id, this.#trailers, true)
    this.#onLocalEnd(this)
  }

  override close(): void {
    if (this.closed) return
    super.close()
    this.listener.onClose()
  }
}
