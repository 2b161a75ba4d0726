/**
 * One encoded FlightData protobuf message (without the 5-byte gRPC prefix) as the list of its buffers. They are passed on without
 * being joined.
 */
export interface Frame {
  readonly chunks: readonly Uint8Array[]
  /** Sum of the chunk lengths, in bytes. */
  readonly byteLength: number
  /** Rows of the record batch inside; 0 for schema and dictionary messages, -1 if not determined. */
  readonly rows: number
  /** Called once, when the bytes were sent or dropped and the memory may be reused. */
  readonly release?: () => void
}

const none = new Uint8Array(0)
const TAG_DATA_HEADER = 0x12 // field 2, length-delimited
const TAG_APP_METADATA = 0x1a // field 3, length-delimited
const TAG_DATA_BODY_0 = 0xc2 // field 1000, length-delimited, two bytes
const TAG_DATA_BODY_1 = 0x3e

/**
 * Encodes an Arrow IPC message as FlightData: `data_header` (field 2), then `data_body` (field 1000). The body comes last, where
 * clients can read it without a copy. The body is not copied here either.
 * Source: https://arrow.apache.org/docs/format/Flight.html, `FlightData`.
 *
 * @param header bare flatbuffer `Message`, without the encapsulation prefix
 * @param body message body; empty for a schema
 * @param rows rows of the batch, 0 for schema and dictionary
 * @param release called once when `body` may be reused
 * @param appMetadata application metadata (field 3)
 */
export function frameOf(
  header: Uint8Array,
  body: Uint8Array,
  rows: number,
  release?: () => void,
  appMetadata: Uint8Array = none,
): Frame {
  const bodyLength = body.byteLength
  const head = headOf(header, bodyLength, appMetadata)
  const chunks = bodyLength > 0 ? [head, body] : [head]
  const frame = { chunks, byteLength: head.byteLength + bodyLength, rows }
  return release ? { ...frame, release } : frame
}

/**
 * As `frameOf`, with a body in several buffers and without application metadata.
 * @param bodyLength sum of the lengths of `body`, in bytes
 */
export function frameOfChunks(
  header: Uint8Array,
  body: readonly Uint8Array[],
  bodyLength: number,
  rows: number,
  release: () => void,
): Frame {
  const head = headOf(header, bodyLength, none)
  return { chunks: [head, ...body], byteLength: head.byteLength + bodyLength, rows, release }
}

/** The bytes of a FlightData message before its body. */
function headOf(header: Uint8Array, bodyLength: number, appMetadata: Uint8Array): Buffer {
  const metadataLength = appMetadata.byteLength
  const headLength =
    1 +
    varintLength(header.byteLength) +
    header.byteLength +
    (metadataLength > 0 ? 1 + varintLength(metadataLength) + metadataLength : 0) +
    (bodyLength > 0 ? 2 + varintLength(bodyLength) : 0)
  const head = Buffer.allocUnsafe(headLength)
  head[0] = TAG_DATA_HEADER
  let at = writeVarint(head, 1, header.byteLength)
  head.set(header, at)
  at += header.byteLength
  if (metadataLength > 0) {
    head[at++] = TAG_APP_METADATA
    at = writeVarint(head, at, metadataLength)
    head.set(appMetadata, at)
    at += metadataLength
  }
  if (bodyLength > 0) {
    head[at++] = TAG_DATA_BODY_0
    head[at++] = TAG_DATA_BODY_1
    writeVarint(head, at, bodyLength)
  }
  return head
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length++
  return length
}

function writeVarint(into: Uint8Array, from: number, value: number): number {
  let at = from
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 128
  into[at++] = rest
  return at
}
