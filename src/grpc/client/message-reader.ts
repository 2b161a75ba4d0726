import { BUFFER_BYTES, type ReceiveBuffer } from '../../http2/index.ts'
import { PREFIX_BYTES } from '../message-prefix.ts'
import { GrpcFailure, OversizedMessage } from './failure.ts'

/** One gRPC message in its receive buffers, in order, not joined. */
export interface InboundMessage {
  readonly chunks: readonly Buffer[]
  readonly byteLength: number
  /** To be called once, when the buffers are no longer needed. Without the call, the pool merely allocates new buffers. */
  readonly release: () => void
}

/** Copies a small message into one buffer and releases its receive buffers. */
export function joined({ chunks, release }: InboundMessage): Buffer {
  const bytes = Buffer.concat(chunks)
  release()
  return bytes
}

/** From this number of chunks on, the small chunks of a message are joined: each has an overhead of more than 100 bytes. */
const FEW_CHUNKS = 8
const SMALL_CHUNK_BYTES = 256
const JOINED_BYTES = 16 << 10
/** Chunks are copied while the messages keep less than this of each held receive buffer, on average. */
const MIN_USED_BYTES = BUFFER_BYTES / 4
/** Number of buffers in the average, at most, and number of buffers that may be held before it applies. */
const AVERAGED_BUFFERS = 64
const FEW_BUFFERS = 16

/**
 * Splits the DATA of a response into messages. It passes on the receive buffers without copying, unless the server sends so
 * little at a time that holding the buffers would take many times the size of the messages.
 * Source: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
export class MessageReader {
  readonly #maxBytes: number
  readonly #prefix = Buffer.alloc(PREFIX_BYTES)
  #prefixHeld = 0
  #chunks: Buffer[] = []
  #held: ReceiveBuffer[] = []
  #byteLength = 0
  #left = 0
  /** Buffer for joined small chunks, and its used bytes. */
  #joined: Buffer | undefined
  #joinedBytes = 0
  /** The last held buffer; the recent number of held buffers, and the bytes of messages meanwhile. */
  #lastHeld: ReceiveBuffer | undefined
  #buffers = 0
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /**
   * Parses bytes, which stay in their receive buffer.
   * @param buffer receive buffer of the bytes; undefined for memory that is not reused
   * @param into list to which complete messages are added, while it holds fewer than `maxMessages`
   * @returns number of bytes parsed: all, unless `into` became full
   * @throws GrpcFailure DATA_LOSS, OversizedMessage
   */
  push(data: Buffer, buffer: ReceiveBuffer | undefined, into: InboundMessage[], maxMessages: number): number {
    let at = 0
    while (into.length < maxMessages && (at < data.length || this.#isComplete())) {
      if (this.#prefixHeld < PREFIX_BYTES) {
        const take = Math.min(PREFIX_BYTES - this.#prefixHeld, data.length - at)
        data.copy(this.#prefix, this.#prefixHeld, at, at + take)
        this.#prefixHeld += take
        at += take
        if (this.#prefixHeld === PREFIX_BYTES) this.#begin()
      } else if (this.#left > 0) {
        const take = Math.min(this.#left, data.length - at)
        this.#keep(data, at, at + take, buffer)
        this.#left -= take
        at += take
      }
      if (this.#isComplete()) {
        into.push(this.#message())
        this.#prefixHeld = 0
      }
    }
    return at
  }

  /** Discards the incomplete message. */
  drop(): void {
    for (const buffer of this.#held.splice(0)) buffer.release()
    this.#chunks = []
    this.#joined = undefined
    this.#joinedBytes = 0
  }

  #keep(data: Buffer, from: number, to: number, buffer: ReceiveBuffer | undefined): void {
    this.#bytes += to - from
    const isSmall = to - from < SMALL_CHUNK_BYTES && this.#chunks.length >= FEW_CHUNKS
    if (isSmall || this.#isSparse(buffer)) {
      this.#join(data, from, to)
      return
    }
    this.#endJoined()
    this.#chunks.push(to - from === data.length ? data : data.subarray(from, to))
    if (buffer) this.#hold(buffer)
  }

  /** Whether holding one more buffer would waste memory: the recent ones carried few bytes each. */
  #isSparse(buffer: ReceiveBuffer | undefined): boolean {
    if (!buffer || buffer === this.#lastHeld || this.#buffers < FEW_BUFFERS) return false
    return this.#bytes / this.#buffers < MIN_USED_BYTES
  }

  #hold(buffer: ReceiveBuffer): void {
    if (this.#held.at(-1) === buffer) return
    buffer.hold()
    this.#held.push(buffer)
    if (this.#lastHeld === buffer) return
    this.#lastHeld = buffer
    if (++this.#buffers < AVERAGED_BUFFERS) return
    this.#buffers /= 2
    this.#bytes /= 2
  }

  /** Appends bytes to the joined chunks. */
  #join(data: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      this.#joined ??= Buffer.allocUnsafeSlow(JOINED_BYTES)
      const copied = data.copy(this.#joined, this.#joinedBytes, at, to)
      at += copied
      this.#joinedBytes += copied
      if (this.#joinedBytes < JOINED_BYTES) continue
      this.#chunks.push(this.#joined)
      this.#joined = undefined
      this.#joinedBytes = 0
    }
  }

  #endJoined(): void {
    if (this.#joinedBytes === 0) return
    this.#chunks.push(Buffer.from(this.#joined!.subarray(0, this.#joinedBytes)))
    this.#joinedBytes = 0
  }

  #message(): InboundMessage {
    this.#endJoined()
    const held = this.#held
    const message = {
      chunks: this.#chunks,
      byteLength: this.#byteLength,
      release: () => {
        for (const buffer of held.splice(0)) buffer.release()
      },
    }
    this.#chunks = []
    this.#held = []
    return message
  }

  #isComplete(): boolean {
    return this.#prefixHeld === PREFIX_BYTES && this.#left === 0
  }

  #begin(): void {
    const flag = this.#prefix[0]!
    this.#byteLength = this.#prefix.readUInt32BE(1)
    this.#left = this.#byteLength
    // The request did not offer compression.
    if (flag !== 0) throw new GrpcFailure('DATA_LOSS', 'a message is malformed or compressed', 'local')
    if (this.#byteLength > this.#maxBytes) throw new OversizedMessage(this.#byteLength, this.#maxBytes)
  }
}
