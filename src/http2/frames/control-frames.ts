import { ErrorCode, Http2ProtocolError } from '../protocol.ts'

/** Header fields up to here cost nothing but their request; above, each so many bytes cost as much as an idle frame does. */
const FREE_HEADER_BYTES = 4096
const HEADER_BYTES_PER_IDLE_FRAME = 2048

/** Of how many frames that do nothing a header block is worth. @param bytes of its fields, or encoded where that is more */
export function costOfHeaders(bytes: number): number {
  return Math.max(0, bytes - FREE_HEADER_BYTES) / HEADER_BYTES_PER_IDLE_FRAME
}

/** Of how many frames that do nothing a payload is worth: one, and more where there is much to take in. */
export function costOf(payload: Buffer): number {
  return 1 + (payload.length >> 10)
}

/** The payload of a frame of one number. @throws Http2ProtocolError */
export function numberOf(payload: Buffer): number {
  if (payload.length !== 4) throw frameSizeError()
  return payload.readUInt32BE(0)
}

/** A frame has a size that its type must not have. */
export function frameSizeError(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.frameSizeError, 'a frame has a size that it must not have')
}

/** A rule of the connection was broken. */
export function protocolError(why: string): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.protocolError, why)
}
