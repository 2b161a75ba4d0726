import { encapsulateFrame } from '../../../arrow/ipc/encapsulated-frame.ts'
import { readFrame } from '../../../arrow/ipc/flight-data.ts'
import type { Frame } from '../../../arrow/ipc/frame.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import type { ResultBody, ResultPiece } from './result-body.ts'

/** Content type of an Arrow IPC stream. Source: https://www.iana.org/assignments/media-types. */
export const ARROW_TYPE = 'application/vnd.apache.arrow.stream'

/** The end of a stream: a continuation marker and no length. */
const endOfStream = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)

/** The messages of a result as an Arrow IPC stream, their bodies as they are. After an error the end of the stream is missing. */
export class ArrowBody implements ResultBody {
  readonly contentType = ARROW_TYPE
  readonly #schema: Uint8Array

  /** @param schema first frame of the result */
  constructor(schema: Frame) {
    this.#schema = encapsulate(readFrame(schema).header)
  }

  begin(): readonly Uint8Array[] {
    return [this.#schema]
  }

  async *batch(frame: Frame): AsyncGenerator<ResultPiece> {
    try {
      const message = encapsulateFrame(frame)
      if (message) yield { chunks: message.chunks, rows: Math.max(0, frame.rows) }
    } finally {
      frame.release?.()
    }
  }

  end(): readonly Uint8Array[] {
    return [endOfStream]
  }

  failure(): readonly Uint8Array[] {
    return []
  }
}
