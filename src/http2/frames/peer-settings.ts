import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  Http2ProtocolError,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  Setting,
} from '../protocol.ts'

const SETTING_BYTES = 6
const MAX_FRAME_BYTES = (1 << 24) - 1
/** Size of the table of header fields that a side may use before it is told otherwise. */
export const HEADER_TABLE_BYTES = 4096

/** What the peer has asked for. Source: RFC 9113, section 6.5.2. */
export class PeerSettings {
  /** Window of each new stream. */
  windowBytes = DEFAULT_WINDOW_BYTES
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES
  maxStreams = MAX_STREAM_ID
  /** Whether the peer's table has become smaller than it was, of which the next header block must speak. */
  hasSmallerTable = false

  readonly #maxEnablePush: number

  /** @param mayAllowPush whether the peer may say that it takes pushes, which only clients may. Source: RFC 9113, section 6.5.2 */
  constructor(mayAllowPush: boolean) {
    this.#maxEnablePush = mayAllowPush ? 1 : 0
  }

  /** Takes a SETTINGS payload; answers with what the windows of open streams change by. @throws Http2ProtocolError */
  apply(payload: Buffer): number {
    if (payload.length % SETTING_BYTES !== 0)
      throw new Http2ProtocolError(ErrorCode.frameSizeError, 'SETTINGS are cut short')
    const before = this.windowBytes
    for (let at = 0; at < payload.length; at += SETTING_BYTES)
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
    return this.windowBytes - before
  }

  #set(id: number, value: number): void {
    if (id === Setting.maxConcurrentStreams) this.maxStreams = value
    else if (id === Setting.headerTableSize) this.hasSmallerTable ||= value < HEADER_TABLE_BYTES
    else if (id === Setting.enablePush) {
      if (value > this.#maxEnablePush)
        throw new Http2ProtocolError(ErrorCode.protocolError, 'a setting is out of bounds')
    } else if (id === Setting.maxFrameSize) {
      if (value < DEFAULT_MAX_FRAME_BYTES || value > MAX_FRAME_BYTES)
        throw new Http2ProtocolError(ErrorCode.protocolError, 'a frame size is out of bounds')
      this.maxFrameBytes = value
    } else if (id === Setting.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'a window is out of bounds')
      this.windowBytes = value
    }
  }
}
