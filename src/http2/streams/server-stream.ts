import { Http2Stream, type StreamOwner, type StreamWindows } from './stream.ts'

/** What a server hears of a request. */
export interface RequestListener {
  /** A piece of the body. */
  onData(bytes: Buffer): void
  /** The body is complete. */
  onEnd(): void
  /** The stream is over, for whatever reason; told once, last. */
  onClose(): void
}

const deaf: RequestListener = { onData() {}, onEnd() {}, onClose() {} }

/**
 * One request at a server, and its response: headers, data, trailers. What waits for the client's windows is sent when they
 * open, the trailers behind it.
 */
export class ServerStream extends Http2Stream {
  listener: RequestListener = deaf
  /** The client has sent all of its request. */
  remoteEnded = false
  /** The client has sent a part of its body. */
  hasData = false
  /** Size of the request's header list, as RFC 7541, section 4.1 counts it. */
  requestHeaderBytes = 0
  #headersSent = false
  #trailers: Buffer | undefined
  #localEnded = false
  readonly #onLocalEnd: (stream: ServerStream) => void

  /** @param onLocalEnd told when the last of the response has been handed to the connection */
  constructor(owner: StreamOwner, id: number, windows: StreamWindows, onLocalEnd: (stream: ServerStream) => void) {
    super(owner, id, windows)
    this.#onLocalEnd = onLocalEnd
  }

  get headersSent(): boolean {
    return this.#headersSent
  }

  /** Whether something waits for the client to take what came before. */
  get isHeldUp(): boolean {
    return this.queue.byteLength > 0
  }

  /** Whether the whole response has been handed to the connection. */
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
   * @param mayLinger whether a little may wait a moment for what comes next
   */
  write(chunks: readonly Uint8Array[], onTaken?: () => void, mayCoalesce = false): void {
    if (this.closed || this.#trailers) {
      onTaken?.()
      return
    }
    this.queue.push(chunks, onTaken)
    this.queue.flush(this.owner, this.id, false, Number.POSITIVE_INFINITY, mayCoalesce)
    this.waitIfHeldUp()
  }

  /** Ends the response with trailers; where nothing has been sent they are all of it, and must hold a status. */
  end(trailers: Buffer): void {
    if (this.closed || this.#trailers) return
    this.#trailers = trailers
    this.flush(Number.POSITIVE_INFINITY)
  }

  override flush(maxBytes: number): void {
    if (this.closed || this.#localEnded) return
    this.queue.flush(this.owner, this.id, false, maxBytes)
    this.waitIfHeldUp()
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
