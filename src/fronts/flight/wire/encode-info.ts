import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { AppMetadata } from '../../../query/types.ts'

/*
 * FlightInfo, written by hand: clients ask for it before every query, and nearly all of it is at hand as bytes already.
 * Source: Flight.proto (field numbers); https://protobuf.dev/programming-guides/encoding/.
 */

const LENGTH_DELIMITED = 2
const typeUrl = Buffer.from('type.googleapis.com/arrow.flight.protocol.sql.TicketStatementQuery')
/** total_records and total_bytes -1, for unknown; ordered. */
const closing = Buffer.from('20ffffffffffffffffff0128ffffffffffffffffff013001', 'hex')
/** progress 1. */
const allDone = Buffer.from('19000000000000f03f', 'hex')
const none = new Uint8Array(0)
const encapsulated = new WeakMap<Uint8Array, Uint8Array>()

/** A schema as FlightInfo holds it; empty for an empty one. Made once for each plan. */
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
 * A FlightInfo with one endpoint without locations.
 *
 * @param descriptor the FlightDescriptor as it came, to be echoed
 * @param schema as `infoSchema` gives it
 * @param handle sealed ticket
 * @param expiresAt Unix time in milliseconds
 * @param attached application metadata of the whole and of its endpoint, if there is some
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

/** The PollInfo of a statement that is ready: its FlightInfo, as `encodeInfo` made it, and progress 1. */
export function encodeFinishedPoll(info: Uint8Array): Buffer {
  return Buffer.concat([...field(1, [info]), allDone])
}

/** A length-delimited field: its tag and length, then its parts. */
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
