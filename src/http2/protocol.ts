/** Types of frames. Source: RFC 9113, section 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** Flags of frames; what one means depends on the type. Source: RFC 9113, section 6. */
export const FrameFlag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Source: RFC 9113, section 6.5.2. */
export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/** Source: RFC 9113, section 7. */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const

export const FRAME_HEADER_BYTES = 9
export const DEFAULT_WINDOW_BYTES = 65_535
export const DEFAULT_MAX_FRAME_BYTES = 16_384
export const MAX_WINDOW_BYTES = 2 ** 31 - 1
export const MAX_STREAM_ID = 2 ** 31 - 1
/** What a client sends first. Source: RFC 9113, section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** The peer has broken the rules of HTTP/2; the connection cannot go on. */
export class Http2ProtocolError extends Error {
  override readonly name = 'Http2ProtocolError'
  /** What the peer is told with GOAWAY. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
