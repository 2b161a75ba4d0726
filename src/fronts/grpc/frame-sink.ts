import type { Frame } from '../../arrow/ipc/frame.ts'

/** Takes the frames of one result in order, the schema first. */
export interface FrameSink {
  /** Sends a frame under the client's backpressure. Always releases the frame. @throws GatewayError why it cannot be sent */
  send(frame: Frame): Promise<void>
}
