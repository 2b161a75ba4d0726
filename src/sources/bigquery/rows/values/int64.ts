import { BadValue } from '../bad-value.ts'

const MINUS = 45
const PLUS = 43
const ZERO = 48
const TWO_12 = 4096
const TWO_20 = 1_048_576
const TWO_31 = 2_147_483_648
const TWO_32 = 4_294_967_296
const EIGHT_DIGITS = 1e8
/** Digits that a double holds exactly. */
const MAX_EXACT_DIGITS = 15
const MAX_DIGITS = 19

/**
 * Writes `base * unit + rest` as a 64-bit integer, for products beyond 2^53. Doubles compute each part exactly.
 * @param words 32-bit words, of which the low one is at `at`
 * @param base an integer of at most 2^43
 * @param unit at most 1e9
 * @param rest from 0 to `unit`
 */
export function writeProduct(words: Int32Array, at: number, base: number, unit: number, rest: number): void {
  const high = Math.floor(base / TWO_20)
  const low = (base - high * TWO_20) * unit + rest
  const upper = high * unit
  const upperHigh = Math.floor(upper / TWO_12)
  const sum = (upper - upperHigh * TWO_12) * TWO_20 + low
  words[at] = (sum % TWO_32) | 0
  words[at + 1] = (upperHigh + Math.floor(sum / TWO_32)) | 0
}

/** Writes an integer of at most 2^53. */
export function writeExact(words: Int32Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32)
  words[at] = (value - high * TWO_32) | 0
  words[at + 1] = high | 0
}

/** Parses a decimal integer of 64 bits. @throws BadValue */
export function writeInt64(words: Int32Array, at: number, bytes: Uint8Array, from: number, to: number): void {
  let i = from
  const sign = bytes[i]
  if (sign === MINUS || sign === PLUS) i++
  if (i >= to) throw notInt64()
  while (i < to - 1 && bytes[i] === ZERO) i++
  if (to - i > MAX_DIGITS) throw notInt64()
  const split = to - i > MAX_EXACT_DIGITS ? to - 8 : to
  let head = 0
  for (; i < split; i++) head = head * 10 + digit(bytes, i)
  if (split === to) {
    writeExact(words, at, sign === MINUS ? -head : head)
    return
  }
  let tail = 0
  for (; i < to; i++) tail = tail * 10 + digit(bytes, i)
  writeProduct(words, at, head, EIGHT_DIGITS, tail)
  const low = words[at]!
  const high = words[at + 1]! >>> 0
  // The magnitude is below 2^63, or 2^63 itself with a minus.
  if (high >= TWO_31 && !(high === TWO_31 && low === 0 && sign === MINUS)) throw notInt64()
  if (sign !== MINUS) return
  words[at] = -low | 0
  words[at + 1] = low === 0 ? -high | 0 : ~high
}

function digit(bytes: Uint8Array, at: number): number {
  const value = bytes[at]! - ZERO
  if (!(value >= 0 && value <= 9)) throw notInt64()
  return value
}

function notInt64(): BadValue {
  return new BadValue('is not an integer of 64 bits')
}
