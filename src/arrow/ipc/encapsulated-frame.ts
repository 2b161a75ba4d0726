import { ArrowError } from '../errors.ts'
import { FlatTable } from './flat-table.ts'
import { readViews } from './flight-data.ts'
import type { Frame } from './frame.ts'
import { type MessageInfo, readHeader } from './header.ts'
import { CONTINUATION, PREFIX_BYTES } from './ipc.ts'

/** Encapsulating a frame makes it at most this much longer, in bytes: the prefix, and the padding of header and body. */
export const ENCAPSULATION_BYTES = PREFIX_BYTES + 7 + 7

/** Slot of `bodyLength` in a `Message`. Source: https://github.com/apache/arrow/blob/main/format/Message.fbs. */
const BODY_LENGTH_SLOT = 3
const padding = new Uint8Array(8)

/** An encapsulated Arrow IPC message as the list of its buffers. */
export interface EncapsulatedMessage {
  readonly kind: MessageInfo['kind']
  readonly chunks: readonly Uint8Array[]
  /** Sum of the chunk lengths, in bytes: a multiple of 8. */
  readonly byteLength: number
}

/**
 * Turns a frame into an encapsulated IPC message: continuation marker, length, flatbuffer and padding to 8 bytes, then the body,
 * whose buffers are not copied. Joined, the messages of a result are an IPC stream. Flight does not pad the body, but readers of
 * a stream expect each message at a multiple of 8 bytes; a body that ends elsewhere is padded, and its length in the header
 * corrected.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
 * @returns undefined for a frame with application metadata alone
 * @throws ArrowError MALFORMED
 */
export function encapsulateFrame(frame: Pick<Frame, 'chunks' | 'byteLength'>): EncapsulatedMessage | undefined {
  const { header, body } = readViews(frame)
  if (header.byteLength === 0) return undefined
  const { kind, bodyLength } = readHeader(header)
  const headerBytes = (header.byteLength + 7) & ~7
  const head = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes)
  head.writeUInt32LE(CONTINUATION, 0)
  head.writeUInt32LE(headerBytes, 4)
  head.set(header, PREFIX_BYTES)
  head.fill(0, PREFIX_BYTES + header.byteLength)
  const chunks = [head, ...firstBytes(body, bodyLength)]
  const missing = -bodyLength & 7
  if (missing > 0) {
    const at = FlatTable.root(header).positionOf(BODY_LENGTH_SLOT, 8)!
    head.writeBigInt64LE(BigInt(bodyLength + missing), PREFIX_BYTES + at)
    chunks.push(padding.subarray(0, missing))
  }
  return { kind, chunks, byteLength: head.byteLength + bodyLength + missing }
}

/** The first bytes of a list of buffers. @throws ArrowError MALFORMED if there are fewer */
function firstBytes(buffers: readonly Uint8Array[], byteLength: number): readonly Uint8Array[] {
  const first: Uint8Array[] = []
  let left = byteLength
  for (const buffer of buffers) {
    if (left === 0) return first
    const part = buffer.byteLength > left ? buffer.subarray(0, left) : buffer
    first.push(part)
    left -= part.byteLength
  }
  if (left > 0) throw new ArrowError('MALFORMED', 'The body of a message is shorter than its header says.')
  return first
}
