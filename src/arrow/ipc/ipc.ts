import { ArrowError } from '../errors.ts'
import { readHeader } from './header.ts'

/** Marks the begin of an encapsulated message. */
export const CONTINUATION = 0xffffffff
/** Bytes before the flatbuffer of an encapsulated message: the marker and the length. */
export const PREFIX_BYTES = 8

/** One message of an IPC stream; header and body are views. */
export interface IpcMessage {
  /** Bare flatbuffer `Message`. */
  readonly header: Uint8Array
  readonly body: Uint8Array
}

/**
 * Encapsulates a bare flatbuffer `Message` without a body, as FlightInfo and SchemaResult require for schemas: continuation
 * marker, length, flatbuffer, padding to 8 bytes.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format.
 */
export function encapsulate(message: Uint8Array): Uint8Array {
  const padded = (message.byteLength + 7) & ~7
  const out = Buffer.alloc(PREFIX_BYTES + padded)
  out.writeUInt32LE(CONTINUATION, 0)
  out.writeUInt32LE(padded, 4)
  out.set(message, PREFIX_BYTES)
  return out
}

/** Joins messages into one IPC stream, without an end marker. */
export function joinStream(messages: readonly IpcMessage[]): Buffer {
  return Buffer.concat(
    messages.flatMap(({ header, body }) => [encapsulate(header), body, new Uint8Array(-body.byteLength & 7)]),
  )
}

/**
 * Yields the messages of an IPC stream in order.
 * @throws ArrowError MALFORMED
 */
export function* readStream(stream: Uint8Array): Generator<IpcMessage> {
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.byteLength)
  for (let at = 0; at < bytes.length; ) {
    if (at + PREFIX_BYTES > bytes.length || bytes.readUInt32LE(at) !== CONTINUATION) throw truncated()
    const length = bytes.readUInt32LE(at + 4)
    if (length === 0) return
    const header = bytes.subarray(at + PREFIX_BYTES, at + PREFIX_BYTES + length)
    if (header.length < length) throw truncated()
    at += PREFIX_BYTES + length
    const { bodyLength } = readHeader(header)
    const body = bytes.subarray(at, at + bodyLength)
    if (body.length < bodyLength) throw truncated()
    at += (bodyLength + 7) & ~7
    yield { header, body }
  }
}

function truncated(): ArrowError {
  return new ArrowError('MALFORMED', 'The IPC stream is malformed or truncated.')
}
