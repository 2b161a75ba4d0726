import { ArrowError } from './errors.ts'
import type { Frame } from './frame.ts'

/** The parts of a FlightData message, as views of its bytes. */
export interface FlightDataParts {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly appMetadata: Uint8Array
  /** A FlightDescriptor; empty but in the first message of an upload. */
  readonly descriptor: Uint8Array
}

const none = new Uint8Array(0)
const WIRE_VARINT = 0
const WIRE_64 = 1
const WIRE_LENGTH = 2
const WIRE_32 = 5
const FIELD_DESCRIPTOR = 1
const FIELD_HEADER = 2
const FIELD_APP_METADATA = 3
const FIELD_BODY = 1000

/**
 * Reads a FlightData protobuf message.
 * Source: https://arrow.apache.org/docs/format/Flight.html; https://protobuf.dev/programming-guides/encoding/.
 * @throws ArrowError MALFORMED
 */
export function readFlightData(message: Uint8Array): FlightDataParts {
  let header: Uint8Array = none
  let body: Uint8Array = none
  let appMetadata: Uint8Array = none
  let descriptor: Uint8Array = none
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]
      if (byte === undefined || scale > 2 ** 49) throw malformed()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    const wire = tag % 8
    if (wire === WIRE_VARINT) varint()
    else if (wire === WIRE_64) at += 8
    else if (wire === WIRE_32) at += 4
    else if (wire === WIRE_LENGTH) {
      const length = varint()
      const bytes = message.subarray(at, at + length)
      if (bytes.length < length) throw malformed()
      at += length
      const field = Math.floor(tag / 8)
      if (field === FIELD_HEADER) header = bytes
      else if (field === FIELD_BODY) body = bytes
      else if (field === FIELD_APP_METADATA) appMetadata = bytes
      else if (field === FIELD_DESCRIPTOR) descriptor = bytes
    } else throw malformed()
  }
  if (at > message.length) throw malformed()
  return { header, body, appMetadata, descriptor }
}

/** The parts of a frame; its chunks are joined, so this is for the few frames that must be looked into. */
export function readFrame(frame: Frame): FlightDataParts {
  return readFlightData(frame.chunks.length === 1 ? frame.chunks[0]! : Buffer.concat(frame.chunks))
}

function malformed(): ArrowError {
  return new ArrowError('MALFORMED', 'The FlightData message is malformed.')
}
