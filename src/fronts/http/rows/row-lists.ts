import type { EncodedRows, RowEncoder } from '../../../arrow/text/row-encoder.ts'
import type { Result } from '../../../query/types.ts'

const COMMA = 0x2c
const LINE_FEED = 0x0a
const SPACE = 0x20

/**
 * Reads a result as lists of rows: each piece is the inside of a JSON array, on one line. Leaving early ends the result.
 * @param encoder of format `json`
 * @throws what the result and the encoder throw
 */
export async function* rowLists(result: Result, encoder: RowEncoder): AsyncGenerator<EncodedRows, void, undefined> {
  for await (const frames of result.frames) {
    let at = 0
    try {
      while (at < frames.length) {
        // The encoder releases its frame, also when this ends early.
        for await (const { bytes, rows } of encoder.batch(frames[at++]!)) yield { bytes: onOneLine(bytes), rows }
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
