import { GatewayError } from '../../../query/errors.ts'
import { PREFIX_BYTES } from '../../message-prefix.ts'

const EMPTY = Buffer.alloc(0)
/** Smaller messages are copied out of the memory that the socket was read into, which they would keep alive. */
const MIN_VIEW_BYTES = 16 << 10
/** Taken at first for a message that does not come at once; it grows with what has come, not with what was announced. */
const FIRST_BODY_BYTES = 64 << 10

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
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages: nothing of an unfinished one is held. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /** Memory taken for the message that is incomplete. */
  get heldBytes(): number {
    return this.#body.length
  }

  /** Of the bytes that were pushed last, how many have been used. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /**
   * Takes the next bytes and returns the messages they complete; stops after `maxMessages`.
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

  /** Forgets the message that is incomplete. */
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
