import { writeFrameHeader } from './frame-writer.ts'
import type { HeaderFields } from './header-decoder.ts'
import { ErrorCode, FRAME_HEADER_BYTES, FrameFlag, FrameType, Http2ProtocolError } from './protocol.ts'
import type { ReceiveBuffer } from './receive-buffers.ts'

/** How a stream ended other than by the peer's end of it. */
export type StreamEnd =
  | { readonly kind: 'reset'; readonly code: number }
  /** The connection has ended. `untouched`: the peer has said that it did not begin to work on the stream. */
  | { readonly kind: 'lost'; readonly untouched: boolean }

/** What a request hears of its response. */
export interface StreamListener {
  /** Initial or, after these, trailing fields. */
  onHeaders(fields: HeaderFields): void
  /** A piece of the body; valid after the call as long as the buffer is held. */
  onData(bytes: Buffer, buffer: ReceiveBuffer): void
  /** The peer has said all. */
  onEnd(): void
  /** The stream is over before that. */
  onAbort(end: StreamEnd): void
}

/** The connection as its streams see it. */
export interface StreamOwner {
  /** Bytes that the peer's connection window lets us send. */
  sendWindow: number
  readonly maxSendFrameBytes: number
  /** Whether the socket has more to send than it should; streams are flushed when that is over. */
  readonly isCongested: boolean
  /** Received bytes that are given back to the peer at a time. */
  readonly creditStep: number
  send(chunks: readonly Uint8Array[]): void
  /** Lets the peer send more on a stream. */
  sendCredit(streamId: number, bytes: number): void
  /** Ends a stream from this side. */
  resetStream(stream: ClientStream, code: number): void
}

interface Waiting {
  readonly chunks: Uint8Array[]
  end: boolean
}

/**
 * One request and its response. The body is sent as far as the peer's windows let it; what is received counts against our
 * window until `credit` gives it back.
 */
export class ClientStream {
  readonly id: number
  readonly listener: StreamListener
  /** Bytes that the peer's stream window lets us send. */
  sendWindow: number
  readonly #owner: StreamOwner
  readonly #queue: Waiting = { chunks: [], end: false }
  #queuedBytes = 0
  #sentEnd = false
  #receiveWindow: number
  #uncredited = 0
  #drained: (() => void) | undefined
  /** Either side has ended the stream, or both have. */
  closed = false

  constructor(owner: StreamOwner, id: number, windows: { send: number; receive: number }, listener: StreamListener) {
    this.#owner = owner
    this.id = id
    this.sendWindow = windows.send
    this.#receiveWindow = windows.receive
    this.listener = listener
  }

  /** Counts a DATA frame against our window. @throws Http2ProtocolError when the peer has sent more than it may */
  received(length: number, padding: number): void {
    this.#receiveWindow -= length
    if (this.#receiveWindow < 0)
      throw new Http2ProtocolError(ErrorCode.flowControlError, 'the server sends more than the window lets it')
    if (padding > 0) this.credit(padding)
  }

  /** Sends a piece of the body, and ends it where `end` says so. */
  write(chunks: readonly Uint8Array[], end: boolean): void {
    if (this.closed || this.#sentEnd || this.#queue.end) return
    for (const chunk of chunks) {
      if (chunk.byteLength === 0) continue
      this.#queue.chunks.push(chunk)
      this.#queuedBytes += chunk.byteLength
    }
    this.#queue.end = end
    this.flush()
  }

  /** Waits until everything that was written has gone to the socket and the socket has taken it, or the stream is over. */
  async drained(): Promise<void> {
    while (!this.closed && (this.#queuedBytes > 0 || this.#owner.isCongested))
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
  }

  /** Whether the whole request has been sent. */
  get sentEnd(): boolean {
    return this.#sentEnd
  }

  /** Gives received bytes back to the window: the peer may send as many more. */
  credit(bytes: number): void {
    if (this.closed) return
    this.#uncredited += bytes
    if (this.#uncredited < this.#owner.creditStep) return
    this.#owner.sendCredit(this.id, this.#uncredited)
    this.#receiveWindow += this.#uncredited
    this.#uncredited = 0
  }

  /** Ends the stream at once; the listener hears nothing more. */
  reset(code: number = ErrorCode.cancel): void {
    if (this.closed) return
    this.#owner.resetStream(this, code)
  }

  /** Sends what waits, as far as the windows go. */
  flush(): void {
    const { chunks } = this.#queue
    const out: Uint8Array[] = []
    while (chunks.length > 0) {
      const room = Math.min(this.sendWindow, this.#owner.sendWindow, this.#owner.maxSendFrameBytes)
      if (room <= 0 || this.#owner.isCongested) break
      const length = Math.min(room, this.#queuedBytes)
      this.#takeFrame(out, length)
    }
    if (chunks.length === 0 && this.#queue.end && !this.#sentEnd && out.length === 0) {
      const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
      writeFrameHeader(head, 0, 0, FrameType.data, FrameFlag.endStream, this.id)
      out.push(head)
      this.#sentEnd = true
    }
    if (out.length > 0) this.#owner.send(out)
    if (this.#queuedBytes === 0 && !this.#owner.isCongested) this.wake()
  }

  wake(): void {
    this.#drained?.()
    this.#drained = undefined
  }

  /** One DATA frame of this length from the front of the queue. */
  #takeFrame(out: Uint8Array[], length: number): void {
    const { chunks } = this.#queue
    const last = this.#queue.end && length === this.#queuedBytes
    const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES)
    writeFrameHeader(head, 0, length, FrameType.data, last ? FrameFlag.endStream : 0, this.id)
    out.push(head)
    let left = length
    while (left > 0) {
      const chunk = chunks[0]!
      const part = chunk.byteLength <= left ? chunk : chunk.subarray(0, left)
      out.push(part)
      left -= part.byteLength
      if (part === chunk) chunks.shift()
      else chunks[0] = chunk.subarray(part.byteLength)
    }
    this.#queuedBytes -= length
    this.sendWindow -= length
    this.#owner.sendWindow -= length
    if (last) this.#sentEnd = true
  }
}
