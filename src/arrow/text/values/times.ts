import { type Cell, type CellStyle, sink, writeAscii } from '../text-sink.ts'
import { writeDate } from './dates.ts'
import { writePadded, writeUnsigned } from './digits.ts'

const QUOTE = 34
const MINUS = 45
const POINT = 46
const COLON = 58
const T = 84
const Z = 90
const TWO_32 = 4_294_967_296
const DAY_SECONDS = 86_400

/** Resolution of times: `s`, `m`, `u`, `n` of the format strings. */
interface Unit {
  readonly perSecond: number
  readonly digits: number
}
const units: Readonly<Record<string, Unit>> = {
  s: { perSecond: 1, digits: 0 },
  m: { perSecond: 1e3, digits: 3 },
  u: { perSecond: 1e6, digits: 6 },
  n: { perSecond: 1e9, digits: 9 },
}

/** What `split` returns: a moment in parts that are exact as doubles, unlike the 64-bit value. */
let days = 0
let seconds = 0
let fraction = 0

/** Splits a 64-bit value into days (rounded down), seconds of the day, and the rest in units. */
function split(words: Int32Array, row: number, perSecond: number): void {
  const high = words[2 * row + 1]!
  const low = words[2 * row]! >>> 0
  const value = high * TWO_32 + low
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    const whole = Math.floor(value / perSecond)
    fraction = value - whole * perSecond
    days = Math.floor(whole / DAY_SECONDS)
    seconds = whole - days * DAY_SECONDS
    return
  }
  const exact = (BigInt(high) << 32n) | BigInt(low)
  const perDay = BigInt(DAY_SECONDS * perSecond)
  const rest = ((exact % perDay) + perDay) % perDay
  days = Number((exact - rest) / perDay)
  seconds = Math.floor(Number(rest) / perSecond)
  fraction = Number(rest) - seconds * perSecond
}

/** A cell of dates, in days since 1970-01-01. */
export function dateCell(values: ArrayLike<number>, { format }: CellStyle): Cell {
  if (format === 'csv') return (row, at) => writeDate(sink.view, at, values[row]!)
  return (row, at) => {
    const { view } = sink
    view.setUint8(at, QUOTE)
    const end = writeDate(view, at + 1, values[row]!)
    view.setUint8(end, QUOTE)
    return end + 1
  }
}

/** A cell of dates in milliseconds. @param words low and high word of each */
export function dateMsCell(words: Int32Array, style: CellStyle): Cell {
  const count = words.length >> 1
  const values = new Float64Array(count)
  for (let row = 0; row < count; row++) {
    split(words, row, 1000)
    values[row] = days
  }
  return dateCell(values, style)
}

/** A cell of times of day. @param values 32-bit values of seconds and milliseconds, words of 64-bit values of smaller units */
export function timeCell(unitName: string, values: Int32Array, { format }: CellStyle): Cell {
  const { perSecond, digits } = units[unitName]!
  const isWide = digits > 3
  const quotes = format === 'json'
  return (row, at) => {
    const { view } = sink
    if (isWide) {
      split(values, row, perSecond)
      seconds += days * DAY_SECONDS // 24:00:00 is a time
    } else {
      seconds = Math.floor(values[row]! / perSecond)
      fraction = values[row]! - seconds * perSecond
    }
    let to = at
    if (quotes) view.setUint8(to++, QUOTE)
    to = writeClock(view, to, digits)
    if (quotes) view.setUint8(to++, QUOTE)
    return to
  }
}

/** A cell of timestamps. @param hasZone whether the values are moments, which are written in UTC */
export function timestampCell(unitName: string, words: Int32Array, hasZone: boolean, { format }: CellStyle): Cell {
  const { perSecond, digits } = units[unitName]!
  const quotes = format === 'json'
  return (row, at) => {
    const { view } = sink
    split(words, row, perSecond)
    let to = at
    if (quotes) view.setUint8(to++, QUOTE)
    to = writeDate(view, to, days)
    view.setUint8(to++, T)
    to = writeClock(view, to, digits)
    if (hasZone) view.setUint8(to++, Z)
    if (quotes) view.setUint8(to++, QUOTE)
    return to
  }
}

/** Writes `seconds` and `fraction` as hours, minutes and seconds. */
function writeClock(view: DataView, at: number, digits: number): number {
  let to = at
  if (seconds < 0) {
    // No time of day; writers that overflow send such values. They stay readable.
    view.setUint8(to++, MINUS)
    seconds = -seconds
  }
  const hours = Math.floor(seconds / 3600)
  const rest = seconds - hours * 3600
  const minutes = (rest / 60) | 0
  to = hours < 100 ? writePadded(view, to, hours, 2) : writeUnsigned(view, to, hours)
  view.setUint8(to++, COLON)
  to = writePadded(view, to, minutes, 2)
  view.setUint8(to++, COLON)
  to = writePadded(view, to, rest - minutes * 60, 2)
  if (digits === 0) return to
  view.setUint8(to++, POINT)
  return writePadded(view, to, fraction, digits)
}

/** A cell of durations, as ISO 8601: `PT1.5S`. */
export function durationCell(unitName: string, words: Int32Array, { format }: CellStyle): Cell {
  const unit = units[unitName]!
  return (row, at) => writeAscii(`PT${secondsText(bigAt(words, row), unit)}S`, at, format === 'json')
}

/** A cell of intervals: months (`M`), days and milliseconds (`D`), or months, days and nanoseconds (`n`). */
export function intervalCell(kind: string, words: Int32Array, { format }: CellStyle): Cell {
  const quotes = format === 'json'
  if (kind === 'M') return (row, at) => writeAscii(`P${words[row]}M`, at, quotes)
  if (kind === 'D')
    return (row, at) =>
      writeAscii(`P${words[2 * row]}DT${secondsText(BigInt(words[2 * row + 1]!), units['m']!)}S`, at, quotes)
  return (row, at) => {
    const rest = secondsText(bigAt(words, 2 * row + 1), units['n']!)
    return writeAscii(`P${words[4 * row]}M${words[4 * row + 1]}DT${rest}S`, at, quotes)
  }
}

function bigAt(words: Int32Array, index: number): bigint {
  return (BigInt(words[2 * index + 1]!) << 32n) | BigInt(words[2 * index]! >>> 0)
}

/** Seconds with as many digits as they need. */
function secondsText(value: bigint, { perSecond, digits }: Unit): string {
  const absolute = value < 0n ? -value : value
  const rest = absolute % BigInt(perSecond)
  const tail = rest > 0n ? `.${String(rest).padStart(digits, '0').replace(/0+$/, '')}` : ''
  return `${value < 0n ? '-' : ''}${absolute / BigInt(perSecond)}${tail}`
}
