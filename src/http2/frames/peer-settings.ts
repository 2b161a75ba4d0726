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
/** Default size of the HPACK dynamic table, in bytes. */
export const HEADER_TABLE_BYTES = 4096

/** Settings of the peer. Source: RFC 9113, section 6.5.2. */
export class PeerSettings {
  /** Initial send window of each stream, in bytes. */
  windowBytes = DEFAULT_WINDOW_BYTES
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES
  maxStreams = MAX_STREAM_ID
  /** Whether the peer has shrunk its HPACK table: the next header block must acknowledge that. */
  hasSmallerTable = false

  readonly #maxEnablePush: number

  /** @param mayAllowPush whether the peer may enable push, as only clients may. Source: RFC 9113, section 6.5.2 */
  constructor(mayAllowPush: boolean) {
    this.#maxEnablePush = mayAllowPush ? 1 : 0
  }

  /** Applies a SETTINGS payload. @returns change of the open streams' send windows, in bytes. @throws Http2ProtocolError */
  apply(payload: Buffer): number {
    if (payload.length % SETTING_BYTES !== 0)
      throw new Http2ProtocolError(ErrorCode.frameSizeError, 'the SETTINGS payload is not a multiple of 6 bytes')
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
        throw new Http2ProtocolError(ErrorCode.protocolError, 'SETTINGS_ENABLE_PUSH is out of range')
    } else if (id === Setting.maxFrameSize) {
      if (value < DEFAULT_MAX_FRAME_BYTES || value > MAX_FRAME_BYTES)
        throw new Http2ProtocolError(ErrorCode.protocolError, 'SETTINGS_MAX_FRAME_SIZE is out of range')
      this.maxFrameBytes = value
    } else if (id === Setting.initialWindowSize) {
      if (value > MAX_WINDOW_BYTES)
        throw new Http2ProtocolError(ErrorCode.flowControlError, 'the initial window of SETTINGS is out of range')
      this.windowBytes = value
    }
  }
}
