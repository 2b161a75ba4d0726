import { type Cell, type CellStyle, sink, writeAscii } from '../text-sink.ts'
import { writeUnsigned } from './digits.ts'

const QUOTE = 34
const MINUS = 45
const TWO_32 = 4_294_967_296
/** Values below this in the high word, and above its negative, make a 64-bit integer safe (below 2^53). */
const SAFE_HIGH = 0x20_0000

/** A cell of integers of at most 32 bits. */
export function smallIntegerCell(values: ArrayLike<number>): Cell {
  return (row, at) => {
    const { view } = sink
    const value = values[row]!
    if (value >= 0) return writeUnsigned(view, at, value)
    view.setUint8(at, MINUS)
    return writeUnsigned(view, at + 1, -value)
  }
}

/** A cell of 64-bit integers. @param words low and high word of each */
export function bigIntegerCell(words: Int32Array, signed: boolean, { format, numbers }: CellStyle): Cell {
  const quoteSafe = format === 'json' && numbers === 'text'
  const quoteUnsafe = format === 'json'
  return (row, at) => {
    const { view } = sink
    const high = words[2 * row + 1]!
    const low = words[2 * row]! >>> 0
    if (high >= 0 && high < SAFE_HIGH) {
      if (!quoteSafe) return writeUnsigned(view, at, high * TWO_32 + low)
      view.setUint8(at, QUOTE)
      const end = writeUnsigned(view, at + 1, high * TWO_32 + low)
      view.setUint8(end, QUOTE)
      return end + 1
    }
    const value = high * TWO_32 + low
    if (signed && value < 0 && value >= Number.MIN_SAFE_INTEGER) {
      let to = at
      if (quoteSafe) view.setUint8(to++, QUOTE)
      view.setUint8(to++, MINUS)
      to = writeUnsigned(view, to, -value)
      if (quoteSafe) view.setUint8(to++, QUOTE)
      return to
    }
    const exact = (BigInt(high) << 32n) | BigInt(low)
    return writeAscii(String(signed ? exact : BigInt.asUintN(64, exact)), at, quoteUnsafe)
  }
}
