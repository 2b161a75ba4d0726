import { ArrowError } from '../../errors.ts'
import type { BufferBytes } from '../batch-reader.ts'
import { LONG_BYTES, type LongSteps, STEP_BYTES, sink } from '../text-sink.ts'

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const LF = 10
const CR = 13
const SPACE = 32
const FIRST_NON_ASCII = 0x80
/** A longer text is written in parts of this size, so that it reserves no multiple of itself. */
const PART_BYTES = 16 << 10
/** Bytes of a long text that are searched at once. */
const SEARCHED_BYTES = 1 << 20
/** A UTF-16 code unit takes at most three bytes. */
const MAX_UTF8_BYTES = 3
/** A byte takes at most six bytes of JSON (`\u0000`). */
const MAX_GROWTH = 6
/** A byte takes at most three bytes of CSV (U+FFFD). */
const MAX_CSV_GROWTH = 3
/** Longest unit that is written at once: an escape, or a character of four bytes. */
const UNIT_BYTES = 8

const hexDigits = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Second byte of the short escapes of JSON. */
const shortEscapes = new Uint8Array(128)
for (const [byte, letter] of [
  [QUOTE, '"'],
  [BACKSLASH, '\\'],
  [8, 'b'],
  [9, 't'],
  [LF, 'n'],
  [12, 'f'],
  [CR, 'r'],
] as const)
  shortEscapes[byte] = letter.charCodeAt(0)
/** Bytes that a JSON string holds as they are. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 32 && byte < FIRST_NON_ASCII && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

const HIGH_BITS = 0x80808080 | 0
const LOW_BITS = 0x01010101
const SPACES = 0x20202020
const QUOTES = 0x22222222
const COMMAS = 0x2c2c2c2c
const BACKSLASHES = 0x5c5c5c5c

/**
 * Copies text of bytes from 0x20 to 0x7f without quotes, and without one other byte, which is given as a word of four of them. Four
 * bytes at a time, the last four overlap others.
 * @returns whether there was no other byte
 */
function copyPlain(source: DataView, from: number, length: number, at: number, other: number): boolean {
  const target = sink.view
  let found = 0
  if (length >= 4) {
    const last = length - 4
    for (let i = 0; ; i += 4) {
      if (i > last) i = last
      const word = source.getInt32(from + i, true)
      const quote = word ^ QUOTES
      const byte = word ^ other
      // A byte below 0x20, a byte that is 0 after the exclusive or, a byte from 0x80.
      found |= ((word - SPACES) & ~word) | ((quote - LOW_BITS) & ~quote) | ((byte - LOW_BITS) & ~byte) | word
      target.setInt32(at + i, word, true)
      if (i === last) break
    }
    return (found & HIGH_BITS) === 0
  }
  for (let i = 0; i < length; i++) {
    const byte = source.getUint8(from + i)
    if (byte < SPACE || byte === QUOTE || byte === (other & 0xff) || byte >= FIRST_NON_ASCII) return false
    target.setUint8(at + i, byte)
  }
  return true
}

/** Writes UTF-8 text in bytes `from` to `to` as a JSON string. Invalid UTF-8 becomes U+FFFD. @returns the position after it */
export function writeJsonText(data: BufferBytes, from: number, to: number, at: number): number {
  const length = to - from
  check(data, from, to)
  if (length > PART_BYTES) {
    if (at + length > LONG_BYTES) return sink.defer(at, length, longJsonText(data, from, to))
    return writeParts(data, from, to, at, true, jsonText)
  }
  sink.room(at, length + UNIT_BYTES)
  if (!copyPlain(data.view, from, length, at + 1, BACKSLASHES)) return writeEscaped(data.bytes, from, to, at)
  const { view } = sink
  view.setUint8(at, QUOTE)
  view.setUint8(at + 1 + length, QUOTE)
  return at + 2 + length
}

function writeEscaped(data: Uint8Array, from: number, to: number, at: number): number {
  sink.room(at, (to - from) * MAX_GROWTH + 2 * UNIT_BYTES)
  const { bytes } = sink
  bytes[at] = QUOTE
  let end = at + 1
  for (let i = from; i < to; ) {
    const byte = data[i]!
    if (isPlain[byte] === 1) {
      bytes[end++] = byte
      i++
    } else if (byte >= FIRST_NON_ASCII) {
      const length = sequenceLength(data, i, to)
      if (length > 0) for (const next = i + length; i < next; ) bytes[end++] = data[i++]!
      else {
        end = writeReplacement(bytes, end)
        i -= length
      }
    } else {
      end = writeEscape(bytes, end, byte)
      i++
    }
  }
  bytes[end] = QUOTE
  return end + 1
}

/** Writes UTF-8 text in bytes `from` to `to` as a CSV field of RFC 4180. Invalid UTF-8 becomes U+FFFD. @returns the position after it */
export function writeCsvText(data: BufferBytes, from: number, to: number, at: number): number {
  const length = to - from
  check(data, from, to)
  if (length > PART_BYTES) {
    if (at + length > LONG_BYTES) return sink.defer(at, length, longCsvText(data, from, to))
    return writeParts(data, from, to, at, longNeedsQuotes(data.bytes, from, to), csvText)
  }
  sink.room(at, length + UNIT_BYTES)
  if (length > 0 && copyPlain(data.view, from, length, at, COMMAS)) return at + length
  return writeField(data.bytes, from, to, at)
}

function writeField(data: Uint8Array, from: number, to: number, at: number): number {
  sink.room(at, (to - from) * MAX_CSV_GROWTH + 2 * UNIT_BYTES)
  const { bytes } = sink
  const quotes = needsQuotes(data, from, to)
  if (quotes) bytes[at] = QUOTE
  let end = quotes ? at + 1 : at
  for (let i = from; i < to; ) {
    const byte = data[i]!
    if (byte < FIRST_NON_ASCII) {
      if (byte === QUOTE) bytes[end++] = QUOTE
      bytes[end++] = byte
      i++
    } else {
      const length = sequenceLength(data, i, to)
      if (length > 0) for (const next = i + length; i < next; ) bytes[end++] = data[i++]!
      else {
        end = writeReplacement(bytes, end)
        i -= length
      }
    }
  }
  if (!quotes) return end
  bytes[end] = QUOTE
  return end + 1
}

/** How a text of several parts is written. */
interface PartStyle {
  /** The byte besides the quote that no plain text has, four times. */
  readonly other: number
  /** Escapes a part, without quotes around it. */
  readonly escaped: (text: string) => string
}

const jsonText: PartStyle = { other: BACKSLASHES, escaped: (text) => JSON.stringify(text).slice(1, -1) }
const csvText: PartStyle = { other: COMMAS, escaped: (text) => text.replaceAll('"', '""') }

/** Writes a text in parts, because the engine's own functions are faster for it. */
function writeParts(
  data: BufferBytes,
  from: number,
  to: number,
  at: number,
  quotes: boolean,
  style: PartStyle,
): number {
  sink.room(at, to - from + UNIT_BYTES)
  if (quotes) sink.bytes[at] = QUOTE
  let end = quotes ? at + 1 : at
  for (let i = from; i < to; ) {
    const partTo = characterStart(data.bytes, i + PART_BYTES, to)
    end = writePart(data, i, partTo, end, style)
    i = partTo
  }
  sink.room(end, 1)
  if (quotes) sink.bytes[end++] = QUOTE
  return end
}

function writePart(
  { bytes: data, view }: BufferBytes,
  from: number,
  to: number,
  at: number,
  { other, escaped }: PartStyle,
): number {
  const length = to - from
  sink.room(at, length)
  if (copyPlain(view, from, length, at, other)) return at + length
  const text = escaped(bufferOf(data, from, to).toString())
  sink.room(at, text.length * MAX_UTF8_BYTES)
  return at + bufferOf(sink.bytes, at, sink.bytes.length).write(text)
}

function longJsonText(data: BufferBytes, from: number, to: number): LongSteps {
  return partSteps(data, from, to, true, jsonText)
}

function* longCsvText(data: BufferBytes, from: number, to: number): LongSteps {
  let quotes = false
  for (let i = from; i < to && !quotes; i += SEARCHED_BYTES) {
    quotes = longNeedsQuotes(data.bytes, i, Math.min(to, i + SEARCHED_BYTES))
    yield 0
  }
  yield* partSteps(data, from, to, quotes, csvText)
}

/** As `writeParts`, in steps. */
function* partSteps(data: BufferBytes, from: number, to: number, quotes: boolean, style: PartStyle): LongSteps {
  let end = 0
  if (quotes) sink.bytes[end++] = QUOTE
  for (let i = from; i < to; ) {
    if (end >= STEP_BYTES) {
      yield end
      end = 0
    }
    const partTo = characterStart(data.bytes, i + PART_BYTES, to)
    end = writePart(data, i, partTo, end, style)
    i = partTo
  }
  sink.room(end, 1)
  if (quotes) sink.bytes[end++] = QUOTE
  yield end
}

/** As `needsQuotes`, for a long text. */
function longNeedsQuotes(data: Uint8Array, from: number, to: number): boolean {
  const text = bufferOf(data, from, to)
  return text.includes(QUOTE) || text.includes(COMMA) || text.includes(LF) || text.includes(CR)
}

/** The start of the character around a byte, so that none is cut. A byte after three that continue a character continues none. */
function characterStart(data: Uint8Array, at: number, to: number): number {
  if (at >= to) return to
  for (let start = at; start >= at - 3; start--) if ((data[start]! & 0xc0) !== FIRST_NON_ASCII) return start
  return at
}

function bufferOf({ buffer, byteOffset }: Uint8Array, from: number, to: number): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset + from, to - from)
}

/** Whether a CSV field needs quotes. */
export function needsQuotes(data: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = data[i]!
    if (byte === COMMA || byte === QUOTE || byte === LF || byte === CR) return true
  }
  // An empty field would be null.
  return from === to
}

function check({ bytes }: BufferBytes, from: number, to: number): void {
  if (!(from >= 0 && from <= to && to <= bytes.length))
    throw new ArrowError('MALFORMED', 'A value of the record batch is out of bounds.')
}

function writeEscape(bytes: Uint8Array, at: number, byte: number): number {
  bytes[at] = BACKSLASH
  const short = shortEscapes[byte]!
  if (short !== 0) {
    bytes[at + 1] = short
    return at + 2
  }
  bytes[at + 1] = 117 // u
  bytes[at + 2] = 48
  bytes[at + 3] = 48
  bytes[at + 4] = hexDigits[byte >> 4]!
  bytes[at + 5] = hexDigits[byte & 15]!
  return at + 6
}

/** Writes U+FFFD. */
function writeReplacement(bytes: Uint8Array, at: number): number {
  bytes[at] = 0xef
  bytes[at + 1] = 0xbf
  bytes[at + 2] = 0xbd
  return at + 3
}

/**
 * Length of the UTF-8 sequence at a byte of 0x80 or more; if it is invalid, minus the number of bytes that one U+FFFD replaces.
 * Source: https://encoding.spec.whatwg.org/#utf-8-decoder.
 */
function sequenceLength(data: Uint8Array, at: number, to: number): number {
  const lead = data[at]!
  if (lead < 0xc2 || lead > 0xf4) return -1
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  let low = 0x80
  let high = 0xbf
  if (lead === 0xe0) low = 0xa0
  else if (lead === 0xed) high = 0x9f
  else if (lead === 0xf0) low = 0x90
  else if (lead === 0xf4) high = 0x8f
  for (let n = 1; n < length; n++) {
    if (at + n >= to) return -n
    const byte = data[at + n]!
    if (byte < low || byte > high) return -n
    low = 0x80
    high = 0xbf
  }
  return length
}
