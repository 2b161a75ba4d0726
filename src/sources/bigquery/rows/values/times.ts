import { BadValue } from '../bad-value.ts'
import { asciiText } from './ascii-text.ts'
import { DATE_BYTES, parseDate, twoDigits } from './dates.ts'
import { writeExact, writeInt64, writeProduct } from './int64.ts'

const MINUS = 45
const POINT = 46
const ZERO = 48
const COLON = 58
const LETTER_T = 84
const LOWER_E = 101
const LOWER_T = 116
const SPACE = 32
const DAY_SECONDS = 86_400
const MICROS = 1e6
const CLOCK_BYTES = 8
/** Digits of a fraction of a second that BigQuery sends at most. */
const MAX_FRACTION_DIGITS = 12
const offsetText = /^(?:Z|z| ?UTC|([+-])(\d\d):?(\d\d)?)?$/
const floatText = /^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/

/** What `readClock` has read. */
let second = 0
let fraction = 0
let fractionDigits = 0
let clockEnd = 0

/** Reads `HH:MM:SS[.F]` with at most 12 digits after the point. @throws BadValue */
function readClock(bytes: Uint8Array, at: number, end: number): void {
  if (end - at < CLOCK_BYTES || bytes[at + 2] !== COLON || bytes[at + 5] !== COLON) throw notTime()
  const hours = twoDigits(bytes, at)
  const minutes = twoDigits(bytes, at + 3)
  const seconds = twoDigits(bytes, at + 6)
  if (!(hours <= 23 && minutes <= 59 && seconds <= 59)) throw notTime()
  second = 3600 * hours + 60 * minutes + seconds
  fraction = 0
  fractionDigits = 0
  let i = at + CLOCK_BYTES
  if (i < end && bytes[i] === POINT) {
    i++
    for (; i < end; i++) {
      const digit = bytes[i]! - ZERO
      if (!(digit >= 0 && digit <= 9)) break
      fraction = fraction * 10 + digit
      fractionDigits++
    }
    if (fractionDigits === 0 || fractionDigits > MAX_FRACTION_DIGITS) throw notTime()
  }
  clockEnd = i
}

/** The fraction that `readClock` has read, in microseconds. Further digits are cut off. */
function fractionMicros(): number {
  if (fractionDigits === 6) return fraction
  return fractionDigits < 6 ? fraction * 10 ** (6 - fractionDigits) : Math.floor(fraction / 10 ** (fractionDigits - 6))
}

/** Writes a time of day in microseconds. @throws BadValue */
export function writeTime(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  readClock(bytes, from, to)
  if (clockEnd !== to) throw notTime()
  writeExact(words, at, second * MICROS + fractionMicros())
}

/** Writes a date and time without zone, `YYYY-MM-DDTHH:MM:SS[.F]`, in microseconds. @throws BadValue */
export function writeDateTime(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  const days = parseDate(bytes, from, to)
  checkSeparator(bytes, from, to)
  readClock(bytes, from + DATE_BYTES + 1, to)
  if (clockEnd !== to) throw notTime()
  writeProduct(words, at, days * DAY_SECONDS + second, MICROS, fractionMicros())
}

/**
 * Writes a TIMESTAMP in microseconds. REST sends them as integers (`useInt64Timestamp`), as seconds with a fraction or an exponent,
 * or as ISO 8601, by the options of the request.
 * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions.
 * @throws BadValue
 */
export function writeTimestamp(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const byte = bytes[i]!
    if (byte === MINUS || byte === POINT || (byte | 32) === LOWER_E) {
      if (byte === MINUS) writeIso(words, at, bytes, from, to)
      else writeSeconds(words, at, bytes, from, to)
      return
    }
  }
  writeInt64(words, at, bytes, from, to)
}

function writeIso(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  const days = parseDate(bytes, from, to)
  checkSeparator(bytes, from, to)
  readClock(bytes, from + DATE_BYTES + 1, to)
  const seconds = days * DAY_SECONDS + second - offsetSeconds(bytes, clockEnd, to)
  writeProduct(words, at, seconds, MICROS, fractionMicros())
}

function checkSeparator(bytes: Uint8Array, from: number, to: number): void {
  const separator = bytes[from + DATE_BYTES]
  const isSeparator = separator === LETTER_T || separator === SPACE || separator === LOWER_T
  if (from + DATE_BYTES >= to || !isSeparator) throw notTime()
}

function offsetSeconds(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 8) throw notTime()
  const match = offsetText.exec(asciiText(bytes, from, to))
  if (!match) throw notTime()
  const seconds = 3600 * Number(match[2] ?? 0) + 60 * Number(match[3] ?? 0)
  return match[1] === '-' ? -seconds : seconds
}

/** Writes seconds with a fraction or an exponent, rounded to microseconds, without a double in between. */
function writeSeconds(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  const text = asciiText(bytes, from, Math.min(to, from + 64))
  if (to - from > 64 || !floatText.test(text)) throw notTime()
  const [mantissa, exponent = '0'] = text.toLowerCase().split('e')
  const isNegative = mantissa!.charCodeAt(0) === MINUS
  const [whole, part = ''] = mantissa!.replace(/^[+-]/, '').split('.')
  const shift = Number(exponent) + 6 - part.length
  if (Math.abs(shift) > 64) throw notTime()
  const digits = BigInt(whole! + part)
  const micros = shift >= 0 ? digits * 10n ** BigInt(shift) : roundedQuotient(digits, 10n ** BigInt(-shift))
  const signed = isNegative ? -micros : micros
  if (BigInt.asIntN(64, signed) !== signed) throw notTime()
  words[at] = Number(BigInt.asIntN(32, signed))
  words[at + 1] = Number(BigInt.asIntN(32, signed >> 32n))
}

function roundedQuotient(value: bigint, by: bigint): bigint {
  return (value + by / 2n) / by
}

function notTime(): BadValue {
  return new BadValue('is not a time')
}
