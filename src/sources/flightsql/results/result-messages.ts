import { type FlightDataHead, readHead } from '../../../arrow/ipc/flight-data.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { readHeader } from '../../../arrow/ipc/header.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'
import type { InboundMessage } from '../../../grpc/client/message-reader.ts'
import { checkSchema, readingUpstream } from './upstream-schema.ts'

/** Bounds of the messages before the schema of a result. */
const MAX_EARLY_MESSAGES = 1000
const MAX_EARLY_BYTES = 1 << 20

/** The schema of a result. */
export interface ResultStart {
  /** The message with the schema, unchanged. */
  readonly message: InboundMessage
  /** Bare flatbuffer `Message`: a view of the message, or a copy if it spans two buffers. */
  readonly schema: Uint8Array
}

/**
 * Reads a result up to its schema. It drops earlier messages that hold only application metadata: the C++ client does the same,
 * and arrow-go fails on them.
 * @param first the first result of `call.next`
 * @throws GrpcFailure DATA_LOSS when the schema is missing or malformed; what `call.next` throws
 */
export async function readResultStart(
  first: IteratorResult<InboundMessage>,
  call: { next(): Promise<IteratorResult<InboundMessage>> },
): Promise<ResultStart> {
  let early = 0
  let earlyBytes = 0
  for (let next = first; !next.done; next = await call.next()) {
    const message = next.value
    const { header } = headOf(message)
    if (header.byteLength > 0) {
      if (readingUpstream(() => readHeader(header)).kind !== 'schema')
        throw new GrpcFailure('DATA_LOSS', 'a result does not begin with its schema', 'local')
      checkSchema(header)
      return { message, schema: header }
    }
    message.release()
    early++
    earlyBytes += message.byteLength
    if (early > MAX_EARLY_MESSAGES || earlyBytes > MAX_EARLY_BYTES)
      throw new GrpcFailure('DATA_LOSS', 'too much application metadata comes before the schema of a result', 'local')
  }
  throw new GrpcFailure('DATA_LOSS', 'a result ends before its schema', 'local')
}

/**
 * Converts a message after the schema to a frame, without a copy of its buffers.
 * @throws GrpcFailure DATA_LOSS when the message is malformed, shorter than its header says, or a second schema
 */
export function frameOfMessage(message: InboundMessage): Frame {
  const { header, bodyLength } = headOf(message)
  if (header.byteLength === 0) return frame(message, 0)
  const info = readingUpstream(() => readHeader(header))
  if (info.kind === 'schema')
    throw new GrpcFailure('DATA_LOSS', 'a second schema came in the middle of a result', 'local')
  if (bodyLength < info.bodyLength)
    throw new GrpcFailure('DATA_LOSS', 'a batch is shorter than its header says', 'local')
  return frame(message, info.kind === 'batch' ? info.rows : 0)
}

function frame({ chunks, byteLength, release }: InboundMessage, rows: number): Frame {
  return { chunks: byteLength === 0 ? [Buffer.alloc(0)] : chunks, byteLength, rows, release }
}

function headOf(message: InboundMessage): FlightDataHead {
  return readingUpstream(() => readHead(message))
}
