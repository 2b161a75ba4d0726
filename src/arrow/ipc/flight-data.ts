import { FieldReader } from './field-reader.ts'
import type { Frame } from './frame.ts'

/** The fields of a FlightData message, as views of its bytes. */
export interface FlightDataParts {
  /** Bare flatbuffer `Message`; empty when the message carries only application metadata. */
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly appMetadata: Uint8Array
  /** A FlightDescriptor; empty except in the first message of an upload. */
  readonly descriptor: Uint8Array
}

const none = new Uint8Array(0)
const FIELD_DESCRIPTOR = 1
const FIELD_HEADER = 2
const FIELD_APP_METADATA = 3
const FIELD_BODY = 1000

/**
 * Reads a FlightData protobuf message; its fields may be in any order.
 * Source: https://arrow.apache.org/docs/format/Flight.html; https://protobuf.dev/programming-guides/encoding/.
 * @throws ArrowError MALFORMED
 */
export function readFlightData(message: Uint8Array): FlightDataParts {
  const fields = new FieldReader([message], message.byteLength)
  let header: Uint8Array = none
  let body: Uint8Array = none
  let appMetadata: Uint8Array = none
  let descriptor: Uint8Array = none
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === FIELD_HEADER) header = fields.take()
    else if (field === FIELD_BODY) body = fields.take()
    else if (field === FIELD_APP_METADATA) appMetadata = fields.take()
    else if (field === FIELD_DESCRIPTOR) descriptor = fields.take()
    else fields.skip()
  }
  return { header, body, appMetadata, descriptor }
}

/** The header of a FlightData message and the length of its body. */
export interface FlightDataHead {
  /** Bare flatbuffer `Message`; empty when the message carries only application metadata. */
  readonly header: Uint8Array
  /** Actual length of the body, in bytes. */
  readonly bodyLength: number
}

/**
 * Reads the header of a FlightData message that is spread over several buffers; its fields may be in any order. It neither reads
 * nor copies the body, and copies the header only if it crosses a buffer's end.
 * @throws ArrowError MALFORMED
 */
export function readHead({ chunks, byteLength }: Pick<Frame, 'chunks' | 'byteLength'>): FlightDataHead {
  const fields = new FieldReader(chunks, byteLength)
  let header: Uint8Array = none
  let bodyLength = 0
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === FIELD_HEADER) header = fields.take()
    else {
      if (field === FIELD_BODY) bodyLength = fields.length
      fields.skip()
    }
  }
  return { header, bodyLength }
}

/** The header of a FlightData message, and its body as views of the buffers that it lies in. */
export interface FlightDataViews {
  /** Bare flatbuffer `Message`; empty when the message carries only application metadata. */
  readonly header: Uint8Array
  readonly body: readonly Uint8Array[]
}

/** As `readHead`, but with views of the body. @throws ArrowError MALFORMED */
export function readViews({ chunks, byteLength }: Pick<Frame, 'chunks' | 'byteLength'>): FlightDataViews {
  const fields = new FieldReader(chunks, byteLength)
  let header: Uint8Array = none
  let body: readonly Uint8Array[] = []
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === FIELD_HEADER) header = fields.take()
    else if (field === FIELD_BODY) body = fields.takeViews()
    else fields.skip()
  }
  return { header, body }
}

/** Reads all fields of a frame. It joins the chunks, so use it only for the few frames that must be inspected. */
export function readFrame(frame: Frame): FlightDataParts {
  return readFlightData(frame.chunks.length === 1 ? frame.chunks[0]! : Buffer.concat(frame.chunks))
}
