import type { Frame } from '../../arrow/ipc/frame.ts'
import type { HeaderFields } from '../../http2/index.ts'
import { FrameSender, type MessageLimits } from '../grpc/frame-sender.ts'
import type { FrameSink } from '../grpc/frame-sink.ts'
import type { PartFrames } from './messages/part-frames.ts'

/**
 * Returns a sink for the frames of one result: it splits those above the client's message limit, and sends each as a part.
 * @param headers the request headers of the call
 * @param send sends a message and releases it, as `GrpcCall.send`
 */
export function partSink(
  headers: HeaderFields,
  parts: PartFrames,
  limits: MessageLimits,
  send: (message: Frame) => Promise<void>,
): FrameSink {
  const output = {
    headers,
    async send(frame: Frame) {
      let part: Frame | undefined
      try {
        part = parts.partOf(frame)
      } finally {
        if (!part) frame.release?.()
      }
      if (part) await send(part)
    },
  }
  return new FrameSender(output, limits, parts.overheadBytes)
}

/** Returns a frame for a message without rows. */
export function messageFrame(message: Uint8Array): Frame {
  return { chunks: [message], byteLength: message.byteLength, rows: 0 }
}
