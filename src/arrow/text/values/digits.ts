const ZERO = 48
/** The digits of 00 to 99, two bytes each. */
const pairs = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10))
const MAX_SMALL = 1e8

/** Writes exactly `digits` digits (at most 9) of an integer from 0 to 999,999,999. @returns the position after them */
export function writePadded(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let left = digits
  let to = at + digits
  let rest = value | 0
  while (left >= 2) {
    const quotient = (rest / 100) | 0
    const pair = 2 * (rest - quotient * 100)
    bytes[--to] = pairs[pair + 1]!
    bytes[--to] = pairs[pair]!
    rest = quotient
    left -= 2
  }
  if (left > 0) bytes[--to] = ZERO + (rest % 10)
  return at + digits
}

/** Writes an integer from 0 to 2^53 in decimal digits. @returns the position after them */
export function writeUnsigned(bytes: Uint8Array, at: number, value: number): number {
  if (value < MAX_SMALL) return writePadded(bytes, at, value, digitsOf(value))
  const high = Math.floor(value / MAX_SMALL)
  return writePadded(bytes, writeUnsigned(bytes, at, high), value - high * MAX_SMALL, 8)
}

/** Number of digits of an integer below 100,000,000. */
function digitsOf(value: number): number {
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  return value < 1e6 ? (value < 1e5 ? 5 : 6) : value < 1e7 ? 7 : 8
}
