/** Frame types. Source: RFC 9113, section 6. */
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

/** Frame flags; their meaning depends on the frame type. Source: RFC 9113, section 6. */
export const FrameFlag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Setting identifiers. Source: RFC 9113, section 6.5.2. */
export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/** Error codes that this side sends or handles. Source: RFC 9113, section 7. */
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
/** Connection preface, which a client sends first. Source: RFC 9113, section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** The peer violates the protocol: a connection error, unless a caller treats it as a stream error. */
export class Http2ProtocolError extends Error {
  override readonly name = 'Http2ProtocolError'
  /** Error code for the GOAWAY frame. */
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
