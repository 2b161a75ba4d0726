import type { RowEncoder } from '../../../arrow/text/row-encoder.ts'
import type { Result } from '../../../query/types.ts'

const COMMA = 0x2c
const LINE_FEED = 0x0a
const SPACE = 0x20

/** The inside of a JSON array of whole rows. */
export interface RowList {
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  readonly rows: number
}

/**
 * Reads a result as lists of rows, each on one line. A long row is a list of its own, which `maxRowBytes` of the encoder bounds. Leaving early ends the result.
 * @param encoder of format `json`
 * @throws what the result and the encoder throw
 */
export async function* rowLists(result: Result, encoder: RowEncoder): AsyncGenerator<RowList, void, undefined> {
  for await (const frames of result.frames) {
    let at = 0
    try {
      while (at < frames.length) {
        // The encoder releases its frame, also when this ends early.
        let chunks: Uint8Array[] = []
        let byteLength = 0
        for await (const { bytes, rows } of encoder.batch(frames[at++]!)) {
          // Only the first piece of a row has text before it.
          const chunk = chunks.length === 0 ? onOneLine(bytes) : bytes
          chunks.push(chunk)
          byteLength += chunk.byteLength
          // The next piece goes on with the row.
          if (rows === 0) continue
          yield { chunks, byteLength, rows }
          chunks = []
          byteLength = 0
        }
      }
    } finally {
      while (at < frames.length) frames[at++]!.release?.()
    }
  }
}

/** Drops the comma before the first row. A line feed is never part of a JSON text or number, only between rows. */
function onOneLine(bytes: Uint8Array): Uint8Array {
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) bytes[at] = SPACE
  return bytes[0] === COMMA ? bytes.subarray(1) : bytes
}
