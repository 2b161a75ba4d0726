const ZERO = 48
const FOUR_DIGITS = 10_000
const EIGHT_DIGITS = 1e8

/** The four digits of 0 to 9999, leading zeros included, as the 32-bit integer whose bytes they are. */
const padded = new Uint32Array(FOUR_DIGITS)
/** The same without leading zeros, from the first byte on. */
const leftAligned = new Uint32Array(FOUR_DIGITS)
for (let value = 0; value < FOUR_DIGITS; value++) {
  const digits = [Math.floor(value / 1000), Math.floor(value / 100) % 10, Math.floor(value / 10) % 10, value % 10]
  padded[value] = digits.reduceRight((word, digit) => word * 256 + ZERO + digit, 0)
  leftAligned[value] = padded[value]! >>> (8 * (4 - lengthOf(value)))
}

/** Number of digits of an integer below 10,000. */
function lengthOf(value: number): number {
  return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
}

/**
 * Writes exactly `digits` digits (at most 9) of an integer from 0 to 999,999,999, and up to 3 bytes of no meaning after them.
 * @returns the position after the digits
 */
export function writePadded(view: DataView, at: number, value: number, digits: number): number {
  if (digits <= 4) {
    view.setUint32(at, padded[value]! >>> (8 * (4 - digits)), true)
    return at + digits
  }
  const high = (value / FOUR_DIGITS) | 0
  const end = writePadded(view, at, high, digits - 4)
  view.setUint32(end, padded[value - high * FOUR_DIGITS]!, true)
  return end + 4
}

/** Writes an integer from 0 to 2^53 in decimal digits, as `writePadded`. @returns the position after the digits */
export function writeUnsigned(view: DataView, at: number, value: number): number {
  if (value < EIGHT_DIGITS) return writeSmall(view, at, value | 0)
  const high = Math.floor(value / EIGHT_DIGITS)
  return writePadded(view, writeUnsigned(view, at, high), (value - high * EIGHT_DIGITS) | 0, 8)
}

/** Writes an integer below 100,000,000. */
function writeSmall(view: DataView, at: number, value: number): number {
  if (value < FOUR_DIGITS) {
    view.setUint32(at, leftAligned[value]!, true)
    return at + lengthOf(value)
  }
  const high = (value / FOUR_DIGITS) | 0
  view.setUint32(at, leftAligned[high]!, true)
  const end = at + lengthOf(high)
  view.setUint32(end, padded[value - high * FOUR_DIGITS]!, true)
  return end + 4
}
