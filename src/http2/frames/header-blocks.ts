import { ErrorCode, FrameFlag, Http2ProtocolError } from '../protocol.ts'

const MAX_BLOCK_BYTES = 256 << 10
/** Minimum average size of a block's frames: half of the 16 KiB that peers send. Bounds the number of CONTINUATION frames. */
const MIN_PART_BYTES = 8 << 10
const PRIORITY_BYTES = 5

/** Called with a complete header block, whose bytes are valid only during the call. */
export type OnHeaderBlock = (streamId: number, block: Buffer, endStream: boolean) => void

interface OpenBlock {
  readonly streamId: number
  readonly endStream: boolean
  readonly parts: Buffer[]
  byteLength: number
}

/** A header block exceeds the limit. This is a connection error, since later blocks depend on the HPACK state of this one. */
export class HeaderBlockTooLarge extends Http2ProtocolError {
  /** The stream of the block. */
  readonly streamId: number

  constructor(streamId: number) {
    super(ErrorCode.enhanceYourCalm, 'a header block is too large')
    this.streamId = streamId
  }
}

/** Assembles header blocks from HEADERS and CONTINUATION frames. Source: RFC 9113, sections 6.2 and 6.10. */
export class HeaderBlocks {
  readonly #onBlock: OnHeaderBlock
  readonly #maxBytes: number
  #open: OpenBlock | undefined

  constructor(onBlock: OnHeaderBlock, maxBytes = MAX_BLOCK_BYTES) {
    this.#onBlock = onBlock
    this.#maxBytes = maxBytes
  }

  /** Whether the next frame must be a CONTINUATION. */
  get isOpen(): boolean {
    return this.#open !== undefined
  }

  /** Frees the parts of an incomplete block: the connection has ended, and its object may stay for a while. */
  close(): void {
    this.#open = undefined
  }

  /** @throws Http2ProtocolError */
  onHeaders(flags: number, streamId: number, payload: Buffer): void {
    let from = 0
    let padding = 0
    if (flags & FrameFlag.padded) padding = payload[from++] ?? 0
    if (flags & FrameFlag.priority) from += PRIORITY_BYTES
    if (from + padding > payload.length)
      throw new Http2ProtocolError(ErrorCode.protocolError, 'the padding exceeds the frame')
    const block = payload.subarray(from, payload.length - padding)
    if (block.byteLength > this.#maxBytes) throw new HeaderBlockTooLarge(streamId)
    const endStream = (flags & FrameFlag.endStream) !== 0
    if (flags & FrameFlag.endHeaders) this.#onBlock(streamId, block, endStream)
    else this.#open = { streamId, endStream, parts: [Buffer.from(block)], byteLength: block.byteLength }
  }

  /** @throws Http2ProtocolError */
  onContinuation(flags: number, streamId: number, payload: Buffer): void {
    const open = this.#open
    if (open?.streamId !== streamId)
      throw new Http2ProtocolError(ErrorCode.protocolError, 'CONTINUATION without HEADERS')
    open.parts.push(Buffer.from(payload))
    open.byteLength += payload.byteLength
    if (open.byteLength > this.#maxBytes || open.parts.length > this.#maxBytes / MIN_PART_BYTES)
      throw new HeaderBlockTooLarge(streamId)
    if (!(flags & FrameFlag.endHeaders)) return
    this.#open = undefined
    this.#onBlock(streamId, Buffer.concat(open.parts), open.endStream)
  }
}
