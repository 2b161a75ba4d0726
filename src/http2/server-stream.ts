import { headersFrames } from './frame-writer.ts'
import { Http2Stream } from './stream.ts'

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
  #headersSent = false
  #trailers: Buffer | undefined
  #localEnded = false
  readonly #onLocalEnd: (stream: ServerStream) => void

  /** @param onLocalEnd told when the last of the response has been handed to the connection */
  constructor(
    owner: ConstructorParameters<typeof Http2Stream>[0],
    id: number,
    windows: { readonly send: number; readonly receive: number },
    onLocalEnd: (stream: ServerStream) => void,
  ) {
    super(owner, id, windows)
    this.#onLocalEnd = onLocalEnd
  }

  get headersSent(): boolean {
    return this.#headersSent
  }

  /** Whether the whole response has been handed to the connection. */
  get localEnded(): boolean {
    return this.#localEnded
  }

  /** Sends the initial headers. @param block by `encodeHeaders` */
  respond(block: Buffer): void {
    if (this.closed || this.#headersSent) return
    this.#headersSent = true
    this.owner.send([headersFrames(this.id, block, false, this.owner.maxSendFrameBytes)])
  }

  /** Sends a piece of the body; its chunks must not change until `onTaken` is called. */
  write(chunks: readonly Uint8Array[], onTaken?: () => void): void {
    if (this.closed || this.#trailers) {
      onTaken?.()
      return
    }
    this.queue.push(chunks, onTaken)
    this.flush(Number.POSITIVE_INFINITY)
  }

  /** Ends the response with trailers; where nothing has been sent they are all of it, and must hold a status. */
  end(trailers: Buffer): void {
    if (this.closed || this.#trailers) return
    this.#trailers = trailers
    this.flush(Number.POSITIVE_INFINITY)
  }

  override flush(maxBytes: number): boolean {
    if (this.closed || this.#localEnded) return false
    this.queue.flush(this.owner, this.id, false, maxBytes)
    if (this.queue.byteLength > 0) return this.queue.window > 0
    if (this.#trailers) {
      this.#headersSent = true
      this.#localEnded = true
      this.owner.send([headersFrames(this.id, this.#trailers, true, this.owner.maxSendFrameBytes)])
      this.#onLocalEnd(this)
    }
    return false
  }

  override onWindow(bytes: number): void {
    this.queue.grow(bytes)
    this.flush(Number.POSITIVE_INFINITY)
  }

  override close(): void {
    if (this.closed) return
    super.close()
    this.listener.onClose()
  }
}
