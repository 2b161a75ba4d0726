import { ArrowError } from '../../arrow/errors.ts'
import { readFrame } from '../../arrow/flight-data.ts'
import { type Frame, frameOf } from '../../arrow/frame.ts'
import { readHeader } from '../../arrow/header.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import { splitBatch } from '../../arrow/split.ts'
import { GatewayError } from '../../query/errors.ts'
import type { GrpcCall } from '../grpc/call.ts'
import { MAX_MESSAGE_HEADER, maxMessageBytesOf } from './client-limits.ts'

/** Sends the frames of one result; those above the client's message limit are cut by rows first. */
export class FrameSender {
  readonly #call: GrpcCall
  readonly #maxBytes: number
  #schemaFrame: Frame | undefined
  #schema: Field | undefined

  constructor(call: GrpcCall, defaultMaxBytes: number) {
    this.#call = call
    this.#maxBytes = maxMessageBytesOf(call.headers, defaultMaxBytes)
  }

  /**
   * Sends a frame; the first is the schema's.
   * @throws GatewayError as `GrpcCall.send`; ROW_TOO_LARGE
   */
  async send(frame: Frame): Promise<void> {
    this.#schemaFrame ??= frame
    if (frame.byteLength <= this.#maxBytes) await this.#call.send(frame)
    else await this.#sendPieces(frame)
  }

  async #sendPieces(frame: Frame): Promise<void> {
    try {
      const { header, body } = readFrame(frame)
      if (readHeader(header).kind !== 'batch') {
        const whole = { chunks: frame.chunks, byteLength: frame.byteLength, rows: frame.rows }
        await this.#call.send(whole)
        await this.#call.flushed()
        return
      }
      this.#schema ??= decodeSchema(readFrame(this.#schemaFrame!).header)
      for (const piece of splitBatch(this.#schema, header, body, this.#maxBytes))
        await this.#call.send(frameOf(piece.header, piece.body, piece.rows))
    } catch (error) {
      if (error instanceof ArrowError && error.code === 'ROW_TOO_LARGE')
        throw new GatewayError(
          'ROW_TOO_LARGE',
          `${error.message} A client that takes more says so with the metadata ${MAX_MESSAGE_HEADER}.`,
        )
      throw error
    } finally {
      frame.release?.()
    }
  }
}
