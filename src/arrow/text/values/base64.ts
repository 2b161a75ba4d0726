import { ArrowError } from '../../errors.ts'
import type { BufferBytes } from '../batch-reader.ts'
import { sink } from '../text-sink.ts'

const QUOTE = 34
const EQUALS = 61
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
  sink.room(at, Math.ceil((to - from) / 3) * 4 + 2)
  const quotes = inQuotes || from === to
  const { bytes } = sink
  let end = at
  if (quotes) bytes[end++] = QUOTE
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
  if (quotes) bytes[end++] = QUOTE
  return end
}
