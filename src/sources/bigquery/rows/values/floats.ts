import { BadValue } from '../bad-value.ts'
import { asciiText } from './ascii-text.ts'

const MINUS = 45
const PLUS = 43
const POINT = 46
const ZERO = 48
const LOWER_E = 101
/** Digits that a double holds exactly. */
const MAX_EXACT_DIGITS = 15
/** Digits of a mantissa that two doubles hold exactly, where the second has 8. */
const MAX_DIGITS = 19
const MAX_EXPONENT_DIGITS = 5
const MAX_FLOAT_BYTES = 400
/** Powers of ten that are exact doubles. */
const powers = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))
/** Splits a double into two halves of at most 26 bits: 2^27 + 1. */
const SPLITTER = 134_217_729
/** Far above the relative error of a quotient or product of two doubles each, 2^-100, and far below half a unit of a double. */
const DOUBT = 2 ** -40
const floatText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const specialText = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i
const value = new Float64Array(1)
const valueWords = new Int32Array(value.buffer)

/** Writes a FLOAT64, of which REST sends NaN and the infinities as texts. @throws BadValue */
export function writeFloat64(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  const sign = bytes[from]
  const start = sign === MINUS || sign === PLUS ? from + 1 : from
  const magnitude = magnitudeOf(bytes, start, to)
  if (magnitude >= 0) value[0] = sign === MINUS ? -magnitude : magnitude
  else value[0] = parseText(bytes, from, to)
  words[at] = valueWords[0]!
  words[at + 1] = valueWords[1]!
}

/** The nearest double of a decimal without sign; -1 if this takes more than a few operations on doubles, or is no number. */
function magnitudeOf(bytes: Uint8Array, from: number, to: number): number {
  let head = 0
  let tail = 0
  let digits = 0
  let fraction = 0
  let hasPoint = false
  let i = from
  for (; i < to; i++) {
    const digit = bytes[i]! - ZERO
    if (digit >= 0 && digit <= 9) {
      if (hasPoint) fraction++
      if (head === 0 && digit === 0) continue
      if (digits < MAX_DIGITS - 8) head = head * 10 + digit
      else tail = tail * 10 + digit
      digits++
    } else if (bytes[i] === POINT && !hasPoint) hasPoint = true
    else break
  }
  if (digits > MAX_DIGITS || i === from || (hasPoint && i === from + 1)) return -1
  const exponent = exponentOf(bytes, i, to) - fraction
  if (!(exponent >= -22 && exponent <= 22)) return -1
  const tailDigits = Math.max(0, digits - (MAX_DIGITS - 8))
  if (digits <= MAX_EXACT_DIGITS) return scaled(head * powers[tailDigits]! + tail, 0, exponent)
  // The tail has fewer than 8 digits: head * 10^n + tail as the sum of two doubles.
  const unit = powers[tailDigits]!
  const product = head * unit
  const rest = productError(head, unit, product) + tail
  const sum = product + rest
  return scaled(sum, rest - (sum - product), exponent)
}

/** The exponent of the rest of a number; NaN if that is none. */
function exponentOf(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) return 0
  let i = from + 1
  const sign = bytes[i]
  if (sign === MINUS || sign === PLUS) i++
  if ((bytes[from]! | 32) !== LOWER_E || i >= to || to - i > MAX_EXPONENT_DIGITS) return Number.NaN
  let exponent = 0
  for (; i < to; i++) {
    const digit = bytes[i]! - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    exponent = exponent * 10 + digit
  }
  return sign === MINUS ? -exponent : exponent
}

/** The double nearest to `(high + low) * 10^exponent`; -1 if it is too near the middle of two doubles to tell. */
function scaled(high: number, low: number, exponent: number): number {
  const power = powers[Math.abs(exponent)]!
  let first: number
  let second: number
  if (exponent < 0) {
    first = high / power
    const product = first * power
    second = (high - product - productError(first, power, product) + low) / power
  } else {
    first = high * power
    second = productError(high, power, first) + low * power
  }
  const nearest = first + second * (1 - DOUBT)
  return nearest === first + second * (1 + DOUBT) ? nearest : -1
}

/** What the rounded product of two doubles lacks: T. J. Dekker, 1971, https://doi.org/10.1007/BF01397083. */
function productError(a: number, b: number, product: number): number {
  const a1 = a * SPLITTER - (a * SPLITTER - a)
  const b1 = b * SPLITTER - (b * SPLITTER - b)
  const a2 = a - a1
  const b2 = b - b1
  return a2 * b2 - (product - a1 * b1 - a2 * b1 - a1 * b2)
}

function parseText(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > MAX_FLOAT_BYTES || to === from) throw notFloat()
  const text = asciiText(bytes, from, to)
  if (floatText.test(text)) return Number(text)
  const special = specialText.exec(text)
  if (!special) throw notFloat()
  if (special[2]) return Number.NaN
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}

function notFloat(): BadValue {
  return new BadValue('is not a FLOAT64')
}
