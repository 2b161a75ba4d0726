import { GatewayError } from '../../../query/errors.ts'
import { PREFIX_BYTES } from '../../message-prefix.ts'

const EMPTY = Buffer.alloc(0)
/** Smaller messages are copied, since a view would keep the whole receive buffer alive. */
const MIN_VIEW_BYTES = 16 << 10
/** First allocation for a message that arrives in parts; it grows with the received bytes, not with the announced length. */
const FIRST_BODY_BYTES = 64 << 10

/** One gRPC message as received; `compressed` is the flag of its prefix. */
export interface InboundMessage {
  readonly compressed: boolean
  readonly bytes: Buffer
}

/**
 * Splits a gRPC request body into its length-prefixed messages. It rejects a message above `maxBytes` when it reads the prefix,
 * before it buffers any of the message.
 * Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
export class Deframer {
  readonly #maxBytes: number
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixHeld = 0
  #compressed = false
  /** Length of the current message. */
  #length = 0
  #body = EMPTY
  #held = 0
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether no message is incomplete. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /** Memory allocated for the incomplete message, in bytes. */
  get heldBytes(): number {
    return this.#body.length
  }

  /** Number of bytes parsed by the last `push`. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /**
   * Parses the next bytes and returns the messages that they complete, at most `maxMessages`.
   * @throws GatewayError TOO_LARGE or BAD_REQUEST
   */
  push(chunk: Buffer, maxMessages = Number.POSITIVE_INFINITY): InboundMessage[] {
    const out: InboundMessage[] = []
    let at = 0
    while (at < chunk.length && out.length < maxMessages) {
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
    this.#usedBytes = at
    return out
  }

  /** Discards the incomplete message. */
  drop(): void {
    this.#body = EMPTY
  }

  #begin(): void {
    const flag = this.#prefix[0]!
    const length = this.#prefix.readUInt32BE(1)
    if (flag > 1) throw new GatewayError('BAD_REQUEST', 'The gRPC message prefix is malformed.')
    if (length > this.#maxBytes)
      throw new GatewayError(
        'TOO_LARGE',
        `The message has ${length} bytes; this gateway accepts at most ${this.#maxBytes} (limits.maxInboundMessageBytes).`,
      )
    this.#compressed = flag === 1
    this.#length = length
  }

  /** Appends a part to the current message. @returns the message once it is complete */
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
