import { INFINITY } from './micros.ts'

/** Least and greatest timestamp of DuckDB, in microseconds. Source: https://duckdb.org/docs/stable/sql/data_types/timestamp. */
const MIN_TIMESTAMP_US = -9_223_372_022_400_000_000n
const MAX_TIMESTAMP_US = INFINITY - 1n
const MIN_TIMESTAMP_NS = -9_223_286_400_000_000_000n
/** Infinity of dates. */
const INFINITY_DAYS = 2n ** 31n - 1n
const MAX_DATE_DAYS = INFINITY_DAYS - 1n
const SECONDS_PER_DAY = 86_400n
const MS_PER_DAY = 1000n * SECONDS_PER_DAY
/** Interval parts of microseconds have all 64 bits. */
const MAX_INTERVAL_US = INFINITY
const MIN_INTERVAL_NS = -(INFINITY / 1000n) * 1000n

interface ValueRange {
  readonly min: bigint
  readonly max: bigint
  /** Whether the two values of infinity are held besides. */
  readonly infinite?: true
  readonly bytes: 4 | 8
  /** As people call the unit, and DuckDB the type. */
  readonly unit: string
  readonly type: string
}

const perSecond: Readonly<Record<string, bigint>> = { s: 1n, m: 1000n, u: 1_000_000n, n: 1_000_000_000n }
const unitNames: Readonly<Record<string, string>> = { s: 's', m: 'ms', u: 'us', n: 'ns' }

/** What is in DuckDB's range, in the unit of an Arrow type; undefined when DuckDB holds every value. */
function rangeOf(format: string): ValueRange | undefined {
  const units = perSecond[format[2] ?? '']
  const unit = unitNames[format[2] ?? ''] ?? ''
  if (format === 'tdD') return { min: -INFINITY_DAYS, max: INFINITY_DAYS, bytes: 4, unit: 'days', type: 'DATE' }
  if (format === 'tdm')
    return {
      min: -MAX_DATE_DAYS * MS_PER_DAY,
      max: (MAX_DATE_DAYS + 1n) * MS_PER_DAY - 1n,
      bytes: 8,
      unit: 'ms',
      type: 'DATE',
    }
  if (units === undefined) return undefined
  if (format.startsWith('tt'))
    return { min: 0n, max: SECONDS_PER_DAY * units, bytes: units > 1000n ? 8 : 4, unit, type: 'TIME' }
  const usPerUnit = 1_000_000n / units
  if (format.startsWith('tD'))
    return usPerUnit > 1n
      ? { min: -(MAX_INTERVAL_US / usPerUnit), max: MAX_INTERVAL_US / usPerUnit, bytes: 8, unit, type: 'INTERVAL' }
      : undefined
  if (!format.startsWith('ts')) return undefined
  const zoned = format.length > 4
  const type = zoned ? 'TIMESTAMPTZ' : 'TIMESTAMP'
  if (usPerUnit === 0n)
    return zoned ? undefined : { min: MIN_TIMESTAMP_NS, max: INFINITY, infinite: true, bytes: 8, unit, type }
  return {
    min: MIN_TIMESTAMP_US / usPerUnit,
    max: MAX_TIMESTAMP_US / usPerUnit,
    ...((!zoned || usPerUnit === 1n) && { infinite: true }),
    bytes: 8,
    unit,
    type,
  }
}

/** Finds the values of a column that DuckDB cannot hold. */
export interface OutOfRange {
  /** Whether the value at a row is one, were the row not null. */
  has(row: number): boolean
  /** What is wrong with it, in words. */
  words(row: number): string
}

/**
 * The values of a column that DuckDB would store as others; undefined when there are none, under null rows neither.
 * @param values of a fixed-width type, from a multiple of 8 on
 */
export function outOfRange(format: string, values: Uint8Array, rows: number): OutOfRange | undefined {
  const found =
    format === 'tin'
      ? intervalsOutOfRange(values)
      : format.startsWith('d:')
        ? decimalsOutOfRange(format, values)
        : numbersOutOfRange(format, values)
  if (found) for (let row = 0; row < rows; row++) if (found.has(row)) return found
  return undefined
}

function numbersOutOfRange(format: string, bytes: Uint8Array): OutOfRange | undefined {
  const range = rangeOf(format)
  if (!range) return undefined
  const { min, max, infinite, unit, type } = range
  const { buffer, byteOffset, byteLength } = bytes
  const words = (value: number | bigint) => `${value} ${unit} is outside of what a ${type} can hold`
  if (range.bytes === 4) {
    const values = new Int32Array(buffer, byteOffset, byteLength >> 2)
    const [least, greatest] = [Number(min), Number(max)]
    return {
      has: (row) => values[row]! < least || values[row]! > greatest,
      words: (row) => words(values[row]!),
    }
  }
  const values = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  return {
    has(row) {
      const value = values[row]!
      return (value < min || value > max) && !(infinite && (value === INFINITY || value === -INFINITY))
    },
    words: (row) => words(values[row]!),
  }
}

/** Nanoseconds are rounded to whole microseconds within their 64 bits, for which the very least leave no room. */
function intervalsOutOfRange({ buffer, byteOffset, byteLength }: Uint8Array): OutOfRange {
  const words = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  return {
    has: (row) => words[2 * row + 1]! < MIN_INTERVAL_NS,
    words: (row) => `${words[2 * row + 1]} ns is outside of what an INTERVAL can hold`,
  }
}

/** Whether DuckDB has a type for the decimals of an Arrow type: scales are from 0 to the precision, which is at most 38. */
export function isHeldDecimal(format: string): boolean {
  const [precision = 0, scale = -1, bits = 128] = format.slice(2).split(',').map(Number)
  return precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision && bits <= 128
}

/** DuckDB keeps a decimal in as many bytes as its digits take, and cuts what is above them off. */
function decimalsOutOfRange(format: string, bytes: Uint8Array): OutOfRange | undefined {
  const [precision = 0, , bits = 128] = format.slice(2).split(',').map(Number)
  if (bits > 128) return undefined
  const { buffer, byteOffset, byteLength } = bytes
  const limit = 10n ** BigInt(precision)
  const words = () => `the decimal has more than the ${precision} digits of its type`
  if (bits === 32) {
    const values = new Int32Array(buffer, byteOffset, byteLength >> 2)
    return { has: (row) => Math.abs(values[row]!) >= 10 ** precision, words }
  }
  const values = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  if (bits === 64) return { has: (row) => values[row]! >= limit || values[row]! <= -limit, words }
  const top = limit >> 64n
  return {
    has(row) {
      const upper = values[2 * row + 1]!
      const lower = values[2 * row]!
      if (upper < top && upper > -top) return false
      if (upper === 0n && lower >= 0n && lower < limit) return false
      if (upper === -1n && lower < 0n && lower > -limit) return false
      const value = (upper << 64n) | BigInt.asUintN(64, lower)
      return value >= limit || value <= -limit
    },
    words,
  }
}
