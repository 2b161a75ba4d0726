import { type Cell, type CellStyle, sink, writeAscii } from '../text-sink.ts'
import { writePadded, writeUnsigned } from './digits.ts'

const QUOTE = 34
const MINUS = 45
const POINT = 46
const TWO_32 = 4_294_967_296
/** Values below this are exact doubles. */
const MAX_SAFE = 2 ** 53
/** Each decimal of at most 15 significant digits survives the way through a double. */
const MAX_SURE = 1e15
const MAX_SURE_DIGITS = 15
/** Doubles below about 2e-308 have fewer digits. */
const MIN_NORMAL = 1e-300
/** Scales up to this are written out; others, which occur only in hostile schemas or as multiples, have an exponent. */
const MAX_PLAIN_SCALE = 76
const MAX_FAST_SCALE = 15

/** A cell of decimals. @param words 32-bit words of each value, the lowest first */
export function decimalCell(words: Int32Array, bits: number, scale: number, style: CellStyle): Cell {
  const width = bits / 32
  const isJson = style.format === 'json'
  const quoteAll = isJson && style.numbers === 'text'
  const unit = 10 ** scale
  const slow: Cell = (row, at) => {
    const text = decimalText(bigOf(words, row * width, width), scale)
    return writeAscii(text, at, quoteAll || (isJson && !isExactDouble(text)))
  }
  if (scale < 0 || scale > MAX_FAST_SCALE) return slow
  const maxDirect = isJson && !quoteAll ? MAX_SURE : MAX_SAFE
  return (row, at) => {
    const from = row * width
    const low = words[from]!
    const high = width > 1 ? words[from + 1]! : low >> 31
    const sign = high >> 31
    if (
      width === 4 ? words[from + 2] !== sign || words[from + 3] !== sign : width === 8 && !isSpread(words, from, sign)
    )
      return slow(row, at)
    const { view } = sink
    let to = at
    if (quoteAll) view.setUint8(to++, QUOTE)
    if (high === 0 && low >= 0) to = writeScaled(view, to, low, (low / unit) | 0, unit, scale)
    else {
      const value = high * TWO_32 + (low >>> 0)
      if (value >= maxDirect || value <= -maxDirect) return slow(row, at)
      if (value < 0) view.setUint8(to++, MINUS)
      const absolute = Math.abs(value)
      to = writeScaled(view, to, absolute, Math.floor(absolute / unit), unit, scale)
    }
    if (quoteAll) view.setUint8(to++, QUOTE)
    return to
  }
}

/** Whether the words above 64 bits of a 256-bit value only continue its sign. */
function isSpread(words: Int32Array, from: number, sign: number): boolean {
  for (let i = 2; i < 8; i++) if (words[from + i] !== sign) return false
  return true
}

/** Writes `value / unit`, with `scale` digits after the point. @param whole its integral part */
function writeScaled(view: DataView, at: number, value: number, whole: number, unit: number, scale: number): number {
  let to = writeUnsigned(view, at, whole)
  if (scale === 0) return to
  view.setUint8(to++, POINT)
  const fraction = value - whole * unit
  if (scale <= 8) return writePadded(view, to, fraction, scale)
  const high = Math.floor(fraction / 1e8)
  to = writePadded(view, to, high, scale - 8)
  return writePadded(view, to, fraction - high * 1e8, 8)
}

function bigOf(words: Int32Array, from: number, width: number): bigint {
  let value = BigInt(words[from + width - 1]!)
  for (let i = width - 2; i >= 0; i--) value = (value << 32n) | BigInt(words[from + i]! >>> 0)
  return value
}

function decimalText(value: bigint, scale: number): string {
  const sign = value < 0n ? '-' : ''
  const digits = String(value < 0n ? -value : value)
  if (scale === 0) return sign + digits
  if (scale < 0 || scale > MAX_PLAIN_SCALE) return `${sign}${digits}e${-scale}`
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/**
 * Whether each reader of doubles gets exactly this decimal. Decimals of 16 digits mostly survive a double too, but readers that
 * multiply the double by a power of ten to get a decimal (DuckDB) lose the last digit of some.
 */
function isExactDouble(text: string): boolean {
  const { length } = significantOf(text)
  const size = Math.abs(Number(text))
  return length === 0 || (length <= MAX_SURE_DIGITS && size > MIN_NORMAL && Number.isFinite(size))
}

/** Digits of a number without sign, point, exponent, leading and trailing zeros. */
function significantOf(text: string): string {
  return text
    .replace(/e.*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '')
}
