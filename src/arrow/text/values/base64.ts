import { ArrowError } from '../../errors.ts'
import type { BufferBytes } from '../batch-reader.ts'
import { LONG_BYTES, type LongSteps, STEP_BYTES, sink } from '../text-sink.ts'

const QUOTE = 34
const EQUALS = 61
/** A shorter value is written at once in any case: a step would cost more. */
const MIN_LONG_BYTES = 16 << 10
/** Bytes of a step, a multiple of three. */
const STEP_INPUT_BYTES = (STEP_BYTES / 4) * 3
const letters = Uint8Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', (letter) =>
  letter.charCodeAt(0),
)

/**
 * Writes bytes `from` to `to` as base64 with padding.
 * @param inQuotes whether it is a JSON string; a CSV field has quotes only if it is empty, because an empty field is null
 * @returns the position after it
 */
export function writeBase64(
  { bytes: data }: BufferBytes,
  from: number,
  to: number,
  at: number,
  inQuotes: boolean,
): number {
  if (!(from >= 0 && from <= to && to <= data.length))
    throw new ArrowError('MALFORMED', 'A value of the record batch is out of bounds.')
  const length = Math.ceil((to - from) / 3) * 4
  const quotes = inQuotes || from === to
  if (length > MIN_LONG_BYTES && at + length > LONG_BYTES)
    return sink.defer(at, length, base64Steps(data, from, to, quotes))
  sink.room(at, length + 2)
  const { bytes } = sink
  let end = at
  if (quotes) bytes[end++] = QUOTE
  end = writeLetters(data, from, to, end)
  if (quotes) bytes[end++] = QUOTE
  return end
}

function* base64Steps(data: Uint8Array, from: number, to: number, quotes: boolean): LongSteps {
  let end = 0
  if (quotes) sink.bytes[end++] = QUOTE
  for (let i = from; i < to; i += STEP_INPUT_BYTES) {
    if (end >= STEP_BYTES) {
      yield end
      end = 0
    }
    sink.room(end, STEP_BYTES + 1)
    end = writeLetters(data, i, Math.min(to, i + STEP_INPUT_BYTES), end)
  }
  if (quotes) sink.bytes[end++] = QUOTE
  yield end
}

/** Writes without quotes. There must be room. */
function writeLetters(data: Uint8Array, from: number, to: number, at: number): number {
  const { bytes } = sink
  let end = at
  let i = from
  for (; i + 2 < to; i += 3) {
    const three = (data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!
    bytes[end++] = letters[three >> 18]!
    bytes[end++] = letters[(three >> 12) & 63]!
    bytes[end++] = letters[(three >> 6) & 63]!
    bytes[end++] = letters[three & 63]!
  }
  if (i < to) {
    const isTwo = i + 1 < to
    const two = (data[i]! << 8) | (isTwo ? data[i + 1]! : 0)
    bytes[end++] = letters[two >> 10]!
    bytes[end++] = letters[(two >> 4) & 63]!
    bytes[end++] = isTwo ? letters[(two << 2) & 63]! : EQUALS
    bytes[end++] = EQUALS
  }
  return end
}
