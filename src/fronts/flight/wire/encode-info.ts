import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { AppMetadata } from '../../../query/types.ts'
import { STATEMENT_TICKET_URL } from '../../grpc/flight-ticket.ts'

/*
 * Hand-written encoding of FlightInfo: clients request one before every query, and nearly all of it exists as bytes already.
 * Source: Flight.proto (field numbers); https://protobuf.dev/programming-guides/encoding/.
 */

const LENGTH_DELIMITED = 2
const typeUrl = Buffer.from(STATEMENT_TICKET_URL)
/** total_records and total_bytes -1, for unknown; ordered. */
const closing = Buffer.from('20ffffffffffffffffff0128ffffffffffffffffff013001', 'hex')
/** progress 1. */
const allDone = Buffer.from('19000000000000f03f', 'hex')
const none = new Uint8Array(0)
const encapsulated = new WeakMap<Uint8Array, Uint8Array>()

/** Encodes a schema for FlightInfo; empty for an empty schema. Caches the result per plan. */
export function infoSchema(schema: Uint8Array): Uint8Array {
  if (schema.byteLength === 0) return none
  let known = encapsulated.get(schema)
  if (!known) {
    known = encapsulate(schema)
    encapsulated.set(schema, known)
  }
  return known
}

/**
 * Encodes a FlightInfo with one endpoint without locations.
 *
 * @param descriptor the FlightDescriptor as received, to be echoed
 * @param schema from `infoSchema`
 * @param handle sealed ticket
 * @param expiresAt Unix time in milliseconds
 * @param attached application metadata of the FlightInfo and its endpoint, if any
 */
export function encodeInfo(
  descriptor: Uint8Array,
  schema: Uint8Array,
  handle: Uint8Array,
  expiresAt: number,
  attached?: AppMetadata,
): Buffer {
  const statementQuery = field(1, [handle])
  const any = [...field(1, [typeUrl]), ...field(2, statementQuery)]
  const ticket = field(1, field(1, any))
  const endpoint = [...ticket, ...field(3, [timestamp(expiresAt)])]
  if (attached) endpoint.push(...field(4, [attached.endpoint]))
  const parts = [...field(1, [schema]), ...field(2, [descriptor]), ...field(3, endpoint), closing]
  if (attached) parts.push(...field(7, [attached.info]))
  return Buffer.concat(parts)
}

/**
 * Encodes a FlightInfo without an endpoint, whose result cannot be fetched.
 *
 * @param descriptor the FlightDescriptor as received, to be echoed
 * @param schema from `infoSchema`
 * @param info application metadata
 */
export function encodeInfoWithoutEndpoint(descriptor: Uint8Array, schema: Uint8Array, info: Uint8Array): Buffer {
  return Buffer.concat([...field(1, [schema]), ...field(2, [descriptor]), closing, ...field(7, [info])])
}

/** Encodes the PollInfo of a ready statement: its FlightInfo from `encodeInfo`, and progress 1. */
export function encodeFinishedPoll(info: Uint8Array): Buffer {
  return Buffer.concat([...field(1, [info]), allDone])
}

/** Encodes a length-delimited field: tag and length, then the parts. */
function field(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  let length = 0
  for (const part of parts) length += part.byteLength
  const prefix = Buffer.allocUnsafe(6)
  prefix[0] = number * 8 + LENGTH_DELIMITED
  return [prefix.subarray(0, putVarint(prefix, 1, length)), ...parts]
}

function timestamp(unixMs: number): Buffer {
  const seconds = Math.floor(unixMs / 1000)
  const out = Buffer.allocUnsafe(16)
  out[0] = 0x08
  const at = putVarint(out, 1, seconds)
  out[at] = 0x10
  return out.subarray(0, putVarint(out, at + 1, Math.floor(unixMs - seconds * 1000) * 1_000_000))
}

function putVarint(into: Uint8Array, from: number, value: number): number {
  let at = from
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 128
  into[at++] = rest
  return at
}
