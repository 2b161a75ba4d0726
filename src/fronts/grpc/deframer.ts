import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { PREFIX_BYTES } from '../../http2/message-prefix.ts'
import { GatewayError } from '../../query/errors.ts'

const EMPTY = Buffer.alloc(0)
/** Smaller messages are copied out of the memory that the socket was read into, which they would keep alive. */
const MIN_VIEW_BYTES = 16 << 10
/** Taken at first for a message that does not come at once; it grows with what has come, not with what was announced. */
const FIRST_BODY_BYTES = 64 << 10
const gunzipAsync = promisify(gunzip)

/** One gRPC message as it came in; `compressed` is the flag of its prefix. */
export interface InboundMessage {
  readonly compressed: boolean
  readonly bytes: Buffer
}

/**
 * Cuts a gRPC request body into its length-prefixed messages. A message above `maxBytes` is refused when its prefix is
 * read, before any of it is kept.
 * Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
export class Deframer {
  readonly #maxBytes: number
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixHeld = 0
  #compressed = false
  /** Of the message that has begun. */
  #length = 0
  #body = EMPTY
  #held = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages: nothing of an unfinished one is held. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /**
   * Takes the next bytes and returns the messages they complete.
   * @throws GatewayError TOO_LARGE or BAD_REQUEST
   */
  push(chunk: Buffer): InboundMessage[] {
    const out: InboundMessage[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#prefixHeld < PREFIX_BYTES) {
        const take = Math.min(PREFIX_BYTES - this.#prefixHeld, chunk.length - at)
        chunk.copy(this.#prefix, this.#prefixHeld, at, at + take)
        this.#prefixHeld += take
        at += take
        if (this.#prefixHeld < PREFIX_BYTES) break
        this.#begin()
      }
      const take = Math.min(this.#length - this.#held, chunk.length - at)
      const isWhole = take === this.#length
      const bytes = isWhole ? whole(chunk.subarray(at, at + take)) : this.#hold(chunk, at, at + take)
      at += take
      if (!bytes) break
      out.push({ compressed: this.#compressed, bytes })
      this.#prefixHeld = 0
      this.#held = 0
      this.#body = EMPTY
    }
    return out
  }

  #begin(): void {
    const flag = this.#prefix[0]!
    const length = this.#prefix.readUInt32BE(1)
    if (flag > 1) throw new GatewayError('BAD_REQUEST', 'The gRPC message prefix is malformed.')
    if (length > this.#maxBytes)
      throw new GatewayError(
        'TOO_LARGE',
        `The message has ${length} bytes; this gateway takes at most ${this.#maxBytes} (limits.maxInboundMessageBytes).`,
      )
    this.#compressed = flag === 1
    this.#length = length
  }

  /** Adds a part to the message that has begun; answers with it when it is complete. */
  #hold(chunk: Buffer, from: number, to: number): Buffer | undefined {
    const held = this.#held + to - from
    if (held > this.#body.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(FIRST_BODY_BYTES, 2 * held)))
      this.#body.copy(grown, 0, 0, this.#held)
      this.#body = grown
    }
    chunk.copy(this.#body, this.#held, from, to)
    this.#held = held
    return held === this.#length ? this.#body.subarray(0, held) : undefined
  }
}

function whole(bytes: Buffer): Buffer {
  if (bytes.length === 0) return EMPTY
  return bytes.length < MIN_VIEW_BYTES ? Buffer.from(bytes) : bytes
}

/**
 * Undoes the compression of a message. Only gzip is known; the output is bounded, so that a small bomb cannot fill the
 * memory.
 * @throws GatewayError UNIMPLEMENTED, TOO_LARGE or BAD_REQUEST
 */
export async function decompress(message: InboundMessage, encoding: string, maxBytes: number): Promise<Buffer> {
  if (!message.compressed) return message.bytes
  if (encoding !== 'gzip')
    throw new GatewayError('UNIMPLEMENTED', 'Messages may be compressed with gzip only (grpc-accept-encoding).')
  try {
    return await gunzipAsync(message.bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new GatewayError('TOO_LARGE', `The decompressed message is above ${maxBytes} bytes.`, { cause: error })
    throw new GatewayError('BAD_REQUEST', 'The compressed message cannot be decompressed.', { cause: error })
  }
}
