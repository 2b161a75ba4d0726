import { GrpcFailure, OversizedMessage } from './grpc-failure.ts'

const PREFIX_BYTES = 5

/** One gRPC message as the buffers that it came in, in order, never joined. */
export interface InboundMessage {
  readonly chunks: readonly Buffer[]
  readonly byteLength: number
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
  #byteLength = 0
  #left = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** True between messages. */
  get idle(): boolean {
    return this.#prefixHeld === 0
  }

  /** Takes bytes; answers with the messages that they complete. @throws GrpcFailure DATA_LOSS, OversizedMessage */
  push(data: Buffer): InboundMessage[] {
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
        this.#left -= take
        at += take
      }
      if (this.#isComplete()) {
        complete.push({ chunks: this.#chunks, byteLength: this.#byteLength })
        this.#chunks = []
        this.#prefixHeld = 0
      }
    }
    return complete
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
