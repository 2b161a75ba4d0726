import { BUFFER_BYTES, type ReceiveBuffer } from '../../http2/index.ts'
import { PREFIX_BYTES } from '../message-prefix.ts'
import { GrpcFailure, OversizedMessage } from './failure.ts'

/** One gRPC message as the buffers that it came in, in order, never joined. */
export interface InboundMessage {
  readonly chunks: readonly Buffer[]
  readonly byteLength: number
  /** Called once when nobody needs the buffers any more. One that is never called costs fresh memory, no more. */
  readonly release: () => void
}

/** A copy of a small message in one piece; its buffers are released. */
export function joined({ chunks, release }: InboundMessage): Buffer {
  const bytes = Buffer.concat(chunks)
  release()
  return bytes
}

/** A message that is in more chunks than this has its small ones joined: each costs more than 100 bytes besides its own. */
const FEW_CHUNKS = 8
const SMALL_CHUNK_BYTES = 256
const JOINED_BYTES = 16 << 10
/** Chunks are copied when the buffers that they are in hold less than a quarter of what those could, on average. */
const MIN_USED_BYTES = BUFFER_BYTES / 4
/** How many buffers the average is over, at most, and how many may be held before it counts. */
const AVERAGED_BUFFERS = 64
const FEW_BUFFERS = 16

/**
 * Finds the borders of messages in the DATA of a response and hands on the buffers between them as they came, unless the
 * server sends so little at a time that to keep it in those would take many times its size.
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
  /** Small chunks that go together, and how much of the memory for them is used. */
  #joined: Buffer | undefined
  #joinedBytes = 0
  /** The buffer that was held last; how many were, of late, and the bytes that were kept meanwhile. */
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
   * Takes bytes, which stay where they are in their buffer.
   * @param buffer what the bytes are in; undefined for memory that is never used again
   * @param into gets the messages that are complete, as long as it holds fewer than `maxMessages`
   * @returns how many of the bytes were taken: all, unless there were as many messages before
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

  /** Lets go of a message that will not be completed. */
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

  /** Whether a buffer that is not held yet would be for little, as those before it. */
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

  /** Copies bytes behind those that were copied before. */
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
    // Compression was not offered.
    if (flag !== 0) throw new GrpcFailure('DATA_LOSS', 'a message is malformed or compressed', 'local')
    if (this.#byteLength > this.#maxBytes) throw new OversizedMessage(this.#byteLength, this.#maxBytes)
  }
}
