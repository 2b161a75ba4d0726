import { type Cell, type CellStyle, sink, writeAscii } from '../text-sink.ts'
import { writeUnsigned } from './digits.ts'

const MINUS = 45
const MAX_DIRECT = 2 ** 53

/** A cell of doubles, or of floats widened to doubles: the shortest digits that a reader of doubles reads as the same value. */
export function floatCell(values: ArrayLike<number>, { format }: CellStyle): Cell {
  const quotes = format === 'json'
  return (row, at) => {
    const value = values[row]!
    // Integers; -0 and larger ones, which may need an exponent, take the long way.
    if (value > 0 && value < MAX_DIRECT && Math.floor(value) === value) return writeUnsigned(sink.view, at, value)
    if (value < 0 && value > -MAX_DIRECT && Math.floor(value) === value) {
      sink.view.setUint8(at, MINUS)
      return writeUnsigned(sink.view, at + 1, -value)
    }
    if (value - value === 0) return writeAscii(Object.is(value, -0) ? '-0.0' : String(value), at)
    // JSON has neither NaN nor infinities.
    return writeAscii(String(value), at, quotes)
  }
}

/** Widens 16-bit floats. */
export function halfFloats(bits: Uint16Array): ArrayLike<number> {
  return Float64Array.from(bits, halfFloat)
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}
