import { ArrowError } from '../../../arrow/errors.ts'
import {
  ENCAPSULATION_BYTES,
  type EncapsulatedMessage,
  encapsulateFrame,
} from '../../../arrow/ipc/encapsulated-frame.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { GatewayError } from '../../../query/errors.ts'

/*
 * Hand-written encoding of the parts of a result: the bytes of a batch are passed on as they are.
 * Source: gateway_service.proto (field numbers); https://protobuf.dev/programming-guides/encoding/.
 */

const LENGTH_DELIMITED = 2
const MAX_TAG_AND_LENGTH_BYTES = 1 + 5
const noId = new Uint8Array(0)

type PartFields = Readonly<Record<EncapsulatedMessage['kind'], number>>

/** Builds the messages of a call that carry a result. */
export interface PartFrames {
  /** Largest number of bytes that a part adds to a frame. */
  readonly overheadBytes: number
  /**
   * Returns the message with a frame as its part, or undefined for a frame with application metadata alone. It shares the
   * frame's body and `release`.
   * @throws GatewayError UPSTREAM_DATA
   */
  partOf(frame: Frame): Frame | undefined
}

const executeFields: PartFields = { schema: 1, batch: 2, dictionary: 4 }
const batchFields: PartFields = { schema: 2, batch: 3, dictionary: 4 }

/** Builds `ExecuteResponse` messages. */
export const executeParts: PartFrames = partFrames(executeFields, noId)

/** Builds the `ExecuteBatchResponse` messages of one statement. */
export function batchParts(id: string): PartFrames {
  const bytes = Buffer.from(id)
  return partFrames(batchFields, bytes.byteLength > 0 ? Buffer.concat([field(1, bytes.byteLength), bytes]) : noId)
}

function partFrames(fields: PartFields, idField: Uint8Array): PartFrames {
  return {
    overheadBytes: ENCAPSULATION_BYTES + MAX_TAG_AND_LENGTH_BYTES + idField.byteLength,
    partOf(frame) {
      const message = encapsulated(frame)
      if (!message) return undefined
      const head = Buffer.concat([idField, field(fields[message.kind], message.byteLength)])
      const part = {
        chunks: [head, ...message.chunks],
        byteLength: head.byteLength + message.byteLength,
        rows: frame.rows,
      }
      return frame.release ? { ...part, release: frame.release } : part
    },
  }
}

function encapsulated(frame: Frame): EncapsulatedMessage | undefined {
  try {
    return encapsulateFrame(frame)
  } catch (cause) {
    throw cause instanceof ArrowError ? new GatewayError('UPSTREAM_DATA', undefined, { cause }) : cause
  }
}

/** Tag and length of a length-delimited field. */
function field(number: number, byteLength: number): Uint8Array {
  const bytes = [number * 8 + LENGTH_DELIMITED]
  let rest = byteLength
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
