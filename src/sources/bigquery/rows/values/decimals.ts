import { BadValue } from '../bad-value.ts'
import { writeExact } from './int64.ts'

const MINUS = 45
const PLUS = 43
const POINT = 46
const ZERO = 48
const LOWER_E = 101
const TWO_31 = 2_147_483_648
const TWO_32 = 4_294_967_296
const MAX_EXACT_DIGITS = 15
/** Digits that are multiplied in at once: a word times their power of ten stays below 2^53. */
const STEP_DIGITS = 6
const MAX_EXPONENT_BYTES = 5
const MAX_DIGITS = 77
const powers = Array.from({ length: MAX_EXACT_DIGITS + 1 }, (_, i) => 10 ** i)
/** The significant digits of the value at hand. */
const digits = new Uint8Array(MAX_DIGITS)
const magnitude = new Float64Array(8)

/**
 * A function that writes a NUMERIC or BIGNUMERIC as an unscaled integer.
 * A BIGNUMERIC may have 77 digits, as its greatest value does, whose unscaled integer is 2^255 - 1: it is written exactly, though
 * Arrow's decimal of 256 bits has no precision above 76.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types.
 * @param precision digits that the column may hold; Infinity for as many as fit into the bits
 * @param bits 128 or 256
 */
export function decimalWriter(precision: number, scale: number, bits: 128 | 256) {
  const count = bits / 32
  return (words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void => {
    const sign = bytes[from]
    const start = sign === MINUS || sign === PLUS ? from + 1 : from
    const value = smallDecimal(bytes, start, to, scale)
    if (value >= 0 && (value === 0 || value < powers[Math.min(precision, MAX_EXACT_DIGITS)]!)) {
      writeExact(words, at, sign === MINUS ? -value : value)
      words.fill(sign === MINUS && value > 0 ? -1 : 0, at + 2, at + count)
      return
    }
    multiplyDigits(readDigits(bytes, start, to, scale), precision, count)
    writeMagnitude(words, at, count, sign === MINUS)
  }
}

/** The unscaled integer of a plain decimal if it has at most 15 digits; else a negative number. */
function smallDecimal(bytes: Uint8Array, from: number, to: number, scale: number): number {
  if (to - from > MAX_EXACT_DIGITS) return -1
  let value = 0
  let seen = 0
  let pointAt = -1
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - ZERO
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit
      seen++
    } else if (bytes[i] === POINT && pointAt < 0) pointAt = seen
    else return -1
  }
  const missing = scale - (pointAt < 0 ? 0 : seen - pointAt)
  if (seen === 0 || missing < 0 || seen + missing > MAX_EXACT_DIGITS) return -1
  return value * powers[missing]!
}

/** Reads the digits of the unscaled integer. @returns how many there are, without leading zeros */
function readDigits(bytes: Uint8Array, from: number, to: number, scale: number): number {
  let count = 0
  let fraction = 0
  let hasDigit = false
  let hasPoint = false
  let i = from
  for (; i < to; i++) {
    const digit = bytes[i]! - ZERO
    if (digit >= 0 && digit <= 9) {
      hasDigit = true
      if (hasPoint) fraction++
      if (count === 0 && digit === 0) continue
      // Only zeros may follow, and they say nothing.
      if (count === MAX_DIGITS) {
        if (digit !== 0 || !hasPoint) throw tooManyDigits()
        fraction--
        continue
      }
      digits[count++] = digit
    } else if (bytes[i] === POINT && !hasPoint) hasPoint = true
    else break
  }
  if (!hasDigit) throw notDecimal()
  const exponent = i < to ? readExponent(bytes, i, to) : 0
  let missing = scale + exponent - fraction
  if (count === 0) return 0
  for (; missing < 0; missing++) if (count === 0 || digits[--count] !== 0) throw tooManyDigits()
  if (count + missing > MAX_DIGITS) throw tooManyDigits()
  for (; missing > 0; missing--) digits[count++] = 0
  return count
}

function readExponent(bytes: Uint8Array, from: number, to: number): number {
  let i = from + 1
  const sign = bytes[i]
  if (sign === MINUS || sign === PLUS) i++
  if ((bytes[from]! | 32) !== LOWER_E || i >= to || to - i > MAX_EXPONENT_BYTES) throw notDecimal()
  let exponent = 0
  for (; i < to; i++) {
    const digit = bytes[i]! - ZERO
    if (!(digit >= 0 && digit <= 9)) throw notDecimal()
    exponent = exponent * 10 + digit
  }
  return sign === MINUS ? -exponent : exponent
}

/** Converts the digits to words of 32 bits in `magnitude`. */
function multiplyDigits(count: number, precision: number, words: number): void {
  if (count > precision) throw tooManyDigits()
  magnitude.fill(0)
  for (let i = 0; i < count; ) {
    const step = Math.min(STEP_DIGITS, count - i)
    let carry = 0
    for (const end = i + step; i < end; i++) carry = carry * 10 + digits[i]!
    const power = powers[step]!
    for (let word = 0; word < words; word++) {
      const product = magnitude[word]! * power + carry
      carry = Math.floor(product / TWO_32)
      magnitude[word] = product - carry * TWO_32
    }
    if (carry > 0) throw tooManyDigits()
  }
}

/** Writes `magnitude` with its sign as two's complement. */
function writeMagnitude(words: Int32Array, at: number, count: number, isNegative: boolean): void {
  let isZeroSoFar = true
  for (let word = 0; word < count; word++) {
    const value = magnitude[word]!
    if (!isNegative) words[at + word] = value | 0
    else words[at + word] = isZeroSoFar ? -value | 0 : ~value
    if (value !== 0) isZeroSoFar = false
  }
  const top = magnitude[count - 1]!
  if (top < TWO_31) return
  // The least value has no positive counterpart.
  const isLeast = isNegative && top === TWO_31 && magnitude.subarray(0, count - 1).every((word) => word === 0)
  if (!isLeast) throw tooManyDigits()
}

function notDecimal(): BadValue {
  return new BadValue('is not a decimal')
}

function tooManyDigits(): BadValue {
  return new BadValue('has more digits than its type')
}
