import { splitBatch } from '../../arrow/batches/split.ts'
import { decompressBatch } from '../../arrow/compression/decompress.ts'
import { ArrowError } from '../../arrow/errors.ts'
import { readFlightData, readFrame } from '../../arrow/ipc/flight-data.ts'
import { type Frame, frameOf } from '../../arrow/ipc/frame.ts'
import { readCompressedLayout, readHeader } from '../../arrow/ipc/header.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import { LoopTurn } from '../../async/loop-turn.ts'
import type { HeaderFields } from '../../http2/index.ts'
import { GatewayError } from '../../query/errors.ts'
import { maxMessageBytesOf } from './client-limits.ts'
import type { FrameSink } from './frame-sink.ts'

const none = new Uint8Array(0)

/** Limits of messages to clients, in bytes. */
export interface MessageLimits {
  /** Limit of a message if the client's own limit is unknown. */
  readonly maxOutboundMessageBytes: number
  /** Limit of one row. A row above the client's limit is sent alone. */
  readonly maxRowBytes: number
}

/** Where a sender's frames go, such as a GrpcCall. */
export interface FrameOutput extends FrameSink {
  /** The request headers of the call. */
  readonly headers: HeaderFields
}

/**
 * Sends the frames of one result. Decompresses batches above the client's message limit and splits them by rows. Sends frames
 * that cannot be split, such as dictionaries and single rows, unchanged: the client may accept more than the gateway knows.
 */
export class FrameSender implements FrameSink {
  readonly #output: FrameOutput
  readonly #maxBytes: number
  readonly #maxRowBytes: number
  #schemaFrame: Frame | undefined
  #schema: Field | undefined

  /** @param overheadBytes largest number of bytes that the output adds to a frame */
  constructor(output: FrameOutput, { maxOutboundMessageBytes, maxRowBytes }: MessageLimits, overheadBytes = 0) {
    this.#output = output
    this.#maxBytes = maxMessageBytesOf(output.headers, maxOutboundMessageBytes) - overheadBytes
    this.#maxRowBytes = maxRowBytes
  }

  /**
   * Sends a frame; the first one must be the schema.
   * @throws GatewayError as the output; ROW_TOO_LARGE
   */
  async send(frame: Frame): Promise<void> {
    this.#schemaFrame ??= frame
    const isRow = frame.rows === 1
    if (frame.byteLength <= this.#maxBytes || (isRow && frame.byteLength <= this.#maxRowBytes))
      await this.#output.send(frame)
    else await this.#sendPieces(frame)
  }

  async #sendPieces(frame: Frame): Promise<void> {
    let sent = false
    let isOurs = true
    try {
      for await (const piece of this.#pieces(frame)) {
        sent = true
        await this.#output.send(piece)
      }
    } catch (error) {
      if (!(error instanceof ArrowError)) throw error
      if (error.code === 'ROW_TOO_LARGE')
        throw new GatewayError(
          'ROW_TOO_LARGE',
          `${error.message} Select fewer columns or parts of values, or raise limits.maxRowBytes.`,
        )
      if (error.code === 'MALFORMED' || sent) throw new GatewayError('UPSTREAM_DATA', undefined, { cause: error })
      isOurs = false
      await this.#output.send(frame)
    } finally {
      if (isOurs) frame.release?.()
    }
  }

  /** @throws ArrowError UNSUPPORTED before the first piece if the frame cannot be split; MALFORMED, ROW_TOO_LARGE */
  async *#pieces(frame: Frame): AsyncGenerator<Frame> {
    const { header, body, appMetadata } = readFlightData(await joinedInTurns(frame))
    if (header.byteLength === 0) throw new ArrowError('UNSUPPORTED', 'Application metadata cannot be cut.')
    if (readHeader(header).kind !== 'batch') throw new ArrowError('UNSUPPORTED', 'Only record batches can be cut.')
    this.#schema ??= decodeSchema(readFrame(this.#schemaFrame!).header)
    const { layout, codec } = readCompressedLayout(header)
    const plain = codec === undefined ? { header, body } : await decompressBatch(layout, codec, body)
    // Send the batch's application metadata once, with the first piece.
    let attached = appMetadata
    for await (const piece of splitBatch(this.#schema, plain.header, plain.body, this.#maxBytes, this.#maxRowBytes)) {
      yield frameOf(piece.header, piece.body, piece.rows, undefined, attached)
      attached = none
    }
  }
}

/** Joins the chunks of a frame, and yields to the event loop meanwhile. */
async function joinedInTurns({ chunks, byteLength }: Frame): Promise<Uint8Array> {
  if (chunks.length === 1) return chunks[0]!
  const turn = new LoopTurn(1)
  const bytes = Buffer.allocUnsafe(byteLength)
  let at = 0
  for (const chunk of chunks) {
    const pause = turn.next()
    if (pause) await pause
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}
