import { ErrorCode, FRAME_HEADER_BYTES, FrameFlag, FrameType, Http2ProtocolError } from '../protocol.ts'

/** Events of a frame reader. Payloads are valid only during the call, except DATA, whose buffer the listener may hold. */
export interface FrameListener {
  /** A part of a DATA frame, as the socket delivered it. */
  onData(streamId: number, bytes: Buffer): void
  /** A DATA frame is complete. All of `length` counts for flow control, including `padding`. */
  onDataEnd(streamId: number, length: number, padding: number, endStream: boolean): void
  /** Any other frame. */
  onFrame(type: number, flags: number, streamId: number, payload: Buffer): void
}

const none = Buffer.alloc(0)

/**
 * Parses a peer's bytes into frames. It passes DATA on in the parts in which it arrives, and collects the payload of other frames
 * first. Source: RFC 9113, section 4.
 */
export class FrameReader {
  readonly #listener: FrameListener
  readonly #maxFrameBytes: number
  readonly #head = Buffer.alloc(FRAME_HEADER_BYTES)
  #headHeld = 0
  #length = 0
  #type = 0
  #flags = 0
  #streamId = 0
  /** Bytes of the payload that have not arrived yet. */
  #left = 0
  /** Bytes of padding at the end of a DATA frame. */
  #padding = 0
  #paddingKnown = false
  /** Collects the payload of a frame other than DATA that arrives in parts; one allocation, however small the parts. */
  #payload: Buffer | undefined

  constructor(maxFrameBytes: number, listener: FrameListener) {
    this.#maxFrameBytes = maxFrameBytes
    this.#listener = listener
  }

  /**
   * Parses the next bytes, up to a deadline.
   * @param from offset of the first byte
   * @param until deadline (`performance.now()`) after which no further frame is started; none by default
   * @returns offset of the first byte not yet parsed
   * @throws Http2ProtocolError
   */
  push(bytes: Buffer, from = 0, until = Number.POSITIVE_INFINITY): number {
    let at = from
    while (at < bytes.length) {
      if (this.#headHeld < FRAME_HEADER_BYTES) at = this.#takeHead(bytes, at)
      else at = this.#takePayload(bytes, at)
      if (this.#headHeld === 0 && until !== Number.POSITIVE_INFINITY && performance.now() > until) break
    }
    return at
  }

  #takePayload(bytes: Buffer, from: number): number {
    const take = Math.min(this.#left, bytes.length - from)
    const part = bytes.subarray(from, from + take)
    this.#left -= take
    if (this.#type === FrameType.data) this.#takeData(part)
    else this.#takeOther(part)
    if (this.#left === 0) this.#headHeld = 0
    return from + take
  }

  #takeHead(bytes: Buffer, from: number): number {
    const take = Math.min(FRAME_HEADER_BYTES - this.#headHeld, bytes.length - from)
    const whole = take === FRAME_HEADER_BYTES
    if (!whole) bytes.copy(this.#head, this.#headHeld, from, from + take)
    this.#headHeld += take
    if (this.#headHeld === FRAME_HEADER_BYTES) this.#begin(whole ? bytes : this.#head, whole ? from : 0)
    return from + take
  }

  #begin(head: Buffer, at: number): void {
    this.#length = head.readUIntBE(at, 3)
    this.#type = head[at + 3]!
    this.#flags = head[at + 4]!
    this.#streamId = head.readUInt32BE(at + 5) & 0x7fffffff
    this.#left = this.#length
    const max = this.#maxFrameBytes
    if (this.#length > max)
      throw new Http2ProtocolError(
        ErrorCode.frameSizeError,
        `a frame of ${this.#length} bytes exceeds the limit of ${max}`,
      )
    this.#padding = 0
    this.#paddingKnown = this.#type !== FrameType.data || (this.#flags & FrameFlag.padded) === 0
    if (this.#length > 0) return
    if (!this.#paddingKnown) throw padded()
    if (this.#type === FrameType.data) this.#endData()
    else this.#listener.onFrame(this.#type, this.#flags, this.#streamId, none)
    this.#headHeld = 0
  }

  #takeData(part: Buffer): void {
    let data = part
    if (!this.#paddingKnown) {
      this.#padding = data[0]!
      this.#paddingKnown = true
      if (this.#padding >= this.#length) throw padded()
      data = data.subarray(1)
    }
    const wanted = data.length - Math.max(0, this.#padding - this.#left)
    if (wanted > 0) this.#listener.onData(this.#streamId, wanted === data.length ? data : data.subarray(0, wanted))
    if (this.#left === 0) this.#endData()
  }

  #endData(): void {
    const padding = this.#flags & FrameFlag.padded ? this.#padding + 1 : 0
    this.#listener.onDataEnd(this.#streamId, this.#length, padding, (this.#flags & FrameFlag.endStream) !== 0)
  }

  #takeOther(part: Buffer): void {
    let payload = part
    if (this.#payload || this.#left > 0) {
      this.#payload ??= Buffer.allocUnsafe(this.#length)
      part.copy(this.#payload, this.#length - this.#left - part.length)
      if (this.#left > 0) return
      payload = this.#payload
      this.#payload = undefined
    }
    this.#listener.onFrame(this.#type, this.#flags, this.#streamId, payload)
  }
}

function padded(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.protocolError, 'the padding exceeds the frame')
}
