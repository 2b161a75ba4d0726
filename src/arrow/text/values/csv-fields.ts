import { sink } from '../text-sink.ts'
import { needsQuotes } from './texts.ts'

const QUOTE = 34

/** Quotes what a cell has written between two positions of the sink as a CSV field, if it needs quotes. @returns the position after it */
export function quoteCsvField(from: number, to: number): number {
  // JSON with a long value has quotes or commas.
  if (!hasLongValue(from) && !needsQuotes(sink.bytes, from, to)) return to
  const end = doubleQuotes(from, to, 1)
  sink.room(end, 1)
  const { bytes } = sink
  bytes[from] = QUOTE
  bytes[end] = QUOTE
  return end + 1
}

/**
 * Doubles the quotes between two positions of the sink, which become a part of a CSV field in quotes.
 * @param shift bytes by which the text moves
 * @returns the position after it
 */
export function doubleQuotes(from: number, to: number, shift: number): number {
  if (hasLongValue(from)) moveLongValues(from, shift)
  let quotes = 0
  for (let i = from; i < to; i++) if (sink.bytes[i] === QUOTE) quotes++
  sink.room(to, quotes + shift)
  const { bytes } = sink
  const end = to + quotes + shift
  let write = end
  for (let read = to - 1; read >= from; read--) {
    const byte = bytes[read]!
    bytes[--write] = byte
    if (byte === QUOTE) bytes[--write] = QUOTE
  }
  return end
}

function hasLongValue(from: number): boolean {
  const last = sink.longValues.at(-1)
  return last !== undefined && last.at >= from
}

function moveLongValues(from: number, shift: number): void {
  const { bytes, longValues } = sink
  let scanned = from
  let added = shift
  for (const [i, value] of longValues.entries()) {
    if (value.at < from) continue
    for (; scanned < value.at; scanned++) if (bytes[scanned] === QUOTE) added++
    longValues[i] = { ...value, at: value.at + added, isInCsvField: true }
  }
}
