import { PREFIX_BYTES } from '../../http2/message-prefix.ts'
import type { ReceiveBuffer } from '../../http2/receive-buffers.ts'
import { GrpcFailure, OversizedMessage } from './grpc-failure.ts'

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

/**
 * Finds the borders of messages in the DATA of a response and hands on the buffers between them as they came.
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

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /** Takes bytes, which stay where they are in their buffer; answers with the messages that they complete. @throws GrpcFailure DATA_LOSS, OversizedMessage */
  push(data: Buffer, buffer: ReceiveBuffer): InboundMessage[] {
    const complete: InboundMessage[] = []
    let at = 0
    while (at < data.length || this.#isComplete()) {
      if (this.#prefixHeld < PREFIX_BYTES) {
        const take = Math.min(PREFIX_BYTES - this.#prefixHeld, data.length - at)
        data.copy(this.#prefix, this.#prefixHeld, at, at + take)
        this.#prefixHeld += take
        at += take
        if (this.#prefixHeld === PREFIX_BYTES) this.#begin()
      } else if (this.#left > 0) {
        const take = Math.min(this.#left, data.length - at)
        this.#chunks.push(take === data.length ? data : data.subarray(at, at + take))
        this.#hold(buffer)
        this.#left -= take
        at += take
      }
      if (this.#isComplete()) {
        complete.push(this.#message())
        this.#prefixHeld = 0
      }
    }
    return complete
  }

  /** Lets go of a message that will not be completed. */
  drop(): void {
    for (const buffer of this.#held.splice(0)) buffer.release()
  }

  #hold(buffer: ReceiveBuffer): void {
    if (this.#held.at(-1) === buffer) return
    buffer.hold()
    this.#held.push(buffer)
  }

  #message(): InboundMessage {
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
