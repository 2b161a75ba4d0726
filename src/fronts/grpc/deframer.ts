import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { GatewayError } from '../../query/errors.ts'

const PREFIX_BYTES = 5
const EMPTY = Buffer.alloc(0)
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
  #chunks: Buffer[] = []
  #held = 0
  #need = PREFIX_BYTES
  #body = false
  #compressed = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages: nothing of an unfinished one is held. */
  get idle(): boolean {
    return this.#held === 0 && !this.#body
  }

  /**
   * Takes the next bytes and returns the messages they complete.
   * @throws GatewayError TOO_LARGE or BAD_REQUEST
   */
  push(chunk: Buffer): InboundMessage[] {
    const out: InboundMessage[] = []
    this.#chunks.push(chunk)
    this.#held += chunk.length
    while (this.#held >= this.#need) {
      const part = this.#take(this.#need)
      if (this.#body) {
        out.push({ compressed: this.#compressed, bytes: part })
        this.#body = false
        this.#need = PREFIX_BYTES
        continue
      }
      const flag = part[0]!
      const length = part.readUInt32BE(1)
      if (flag > 1) throw new GatewayError('BAD_REQUEST', 'The gRPC message prefix is malformed.')
      if (length > this.#maxBytes)
        throw new GatewayError(
          'TOO_LARGE',
          `The message has ${length} bytes; this gateway takes at most ${this.#maxBytes} (limits.maxInboundMessageBytes).`,
        )
      this.#compressed = flag === 1
      this.#body = true
      this.#need = length
    }
    return out
  }

  #take(count: number): Buffer {
    if (count === 0) return EMPTY
    this.#held -= count
    const first = this.#chunks[0]!
    if (first.length >= count) {
      if (first.length === count) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(count)
      return first.length === count ? first : first.subarray(0, count)
    }
    const parts: Buffer[] = []
    for (let left = count; left > 0; ) {
      const head = this.#chunks[0]!
      if (head.length <= left) {
        parts.push(head)
        left -= head.length
        this.#chunks.shift()
      } else {
        parts.push(head.subarray(0, left))
        this.#chunks[0] = head.subarray(left)
        left = 0
      }
    }
    return Buffer.concat(parts, count)
  }
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
