import type { Frame } from '../arrow/ipc/frame.ts'
import type { CallMetadata } from '../query/types.ts'

/** A whole result in memory of its own. Its frames may be sent any number of times, at the same time too: none has a `release`. */
export interface RecordedResult {
  readonly schema: Frame
  readonly frames: readonly Frame[]
  readonly rows: number
  /** Bytes of schema and frames. */
  readonly byteLength: number
  readonly metadata?: CallMetadata
}
