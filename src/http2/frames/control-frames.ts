import { ErrorCode, Http2ProtocolError } from '../protocol.ts'

/** Header lists up to this size are free; above, each `HEADER_BYTES_PER_IDLE_FRAME` bytes cost one idle frame. */
const FREE_HEADER_BYTES = 4096
const HEADER_BYTES_PER_IDLE_FRAME = 2048

/** Cost of a header block, in idle frames. @param bytes decoded or encoded size, whichever is larger */
export function costOfHeaders(bytes: number): number {
  return Math.max(0, bytes - FREE_HEADER_BYTES) / HEADER_BYTES_PER_IDLE_FRAME
}

/** Cost of a frame, in idle frames: 1, and 1 more per KiB of payload. */
export function costOf(payload: Buffer): number {
  return 1 + (payload.length >> 10)
}

/** Reads a payload of one 32-bit number. @throws Http2ProtocolError when the size differs */
export function numberOf(payload: Buffer): number {
  if (payload.length !== 4) throw frameSizeError()
  return payload.readUInt32BE(0)
}

/** Connection error: the frame type does not allow this size. */
export function frameSizeError(): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.frameSizeError, 'the frame type does not allow this frame size')
}

/** Connection error PROTOCOL_ERROR. */
export function protocolError(why: string): Http2ProtocolError {
  return new Http2ProtocolError(ErrorCode.protocolError, why)
}
