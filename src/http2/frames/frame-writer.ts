import { FRAME_HEADER_BYTES, FrameFlag, FrameType } from '../protocol.ts'

/** Writes the 9-byte frame header. @returns offset behind it. Source: RFC 9113, section 4.1. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  into.writeUIntBE(length, at, 3)
  into[at + 3] = type
  into[at + 4] = flags
  into.writeUInt32BE(streamId, at + 5)
  return at + FRAME_HEADER_BYTES
}

/** Builds a frame. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.byteLength)
  out.set(payload, writeFrameHeader(out, 0, payload.byteLength, type, flags, streamId))
  return out
}

/** Builds SETTINGS. Source: RFC 9113, section 6.5. */
export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(6 * settings.length)
  settings.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, 6 * i)
    payload.writeUInt32BE(value, 6 * i + 2)
  })
  return frame(FrameType.settings, 0, 0, payload)
}

/** Builds a frame with one 32-bit number: WINDOW_UPDATE or RST_STREAM. */
export function numberFrame(type: number, streamId: number, value: number): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + 4)
  out.writeUInt32BE(value, writeFrameHeader(out, 0, 4, type, 0, streamId))
  return out
}

/** Builds GOAWAY. @param lastStreamId highest stream of the peer's that is processed. Source: RFC 9113, section 6.8. */
export function goawayFrame(lastStreamId: number, code: number): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(lastStreamId)
  payload.writeUInt32BE(code, 4)
  return frame(FrameType.goaway, 0, 0, payload)
}

/** Builds HEADERS and, if the block exceeds the peer's frame size, CONTINUATION frames. */
export function headersFrames(streamId: number, block: Buffer, endStream: boolean, maxFrameBytes: number): Buffer {
  const end = endStream ? FrameFlag.endStream : 0
  if (block.byteLength <= maxFrameBytes) return frame(FrameType.headers, FrameFlag.endHeaders | end, streamId, block)
  const frames: Buffer[] = []
  for (let at = 0; at < block.byteLength; at += maxFrameBytes) {
    const part = block.subarray(at, at + maxFrameBytes)
    const last = at + maxFrameBytes >= block.byteLength ? FrameFlag.endHeaders : 0
    const type = at === 0 ? FrameType.headers : FrameType.continuation
    frames.push(frame(type, last | (at === 0 ? end : 0), streamId, part))
  }
  return Buffer.concat(frames)
}
