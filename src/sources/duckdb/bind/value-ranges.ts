import { INFINITY } from './micros.ts'

/** DuckDB's least and greatest timestamps, in microseconds. Source: https://duckdb.org/docs/stable/sql/data_types/timestamp. */
const MIN_TIMESTAMP_US = -9_223_372_022_400_000_000n
const MAX_TIMESTAMP_US = INFINITY - 1n
const MIN_TIMESTAMP_NS = -9_223_286_400_000_000_000n
/** Infinity in DuckDB's dates. */
const INFINITY_DAYS = 2n ** 31n - 1n
const MAX_DATE_DAYS = INFINITY_DAYS - 1n
const SECONDS_PER_DAY = 86_400n
const MS_PER_DAY = 1000n * SECONDS_PER_DAY
/** The microseconds of an interval use all 64 bits. */
const MAX_INTERVAL_US = INFINITY
const MIN_INTERVAL_NS = -(INFINITY / 1000n) * 1000n

interface ValueRange {
  readonly min: bigint
  readonly max: bigint
  /** Whether the two infinities are allowed besides. */
  readonly allowsInfinity?: true
  readonly bytes: 4 | 8
  /** The unit and the DuckDB type, for error messages. */
  readonly unit: string
  readonly type: string
}

const perSecond: Readonly<Record<string, bigint>> = { s: 1n, m: 1000n, u: 1_000_000n, n: 1_000_000_000n }
const unitNames: Readonly<Record<string, string>> = { s: 's', m: 'ms', u: 'us', n: 'ns' }

/** DuckDB's range in the unit of an Arrow format; undefined when DuckDB holds every value. */
function rangeOf(format: string): ValueRange | undefined {
  const unitsPerSecond = perSecond[format[2] ?? '']
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
  if (unitsPerSecond === undefined) return undefined
  if (format.startsWith('tt'))
    return { min: 0n, max: SECONDS_PER_DAY * unitsPerSecond, bytes: unitsPerSecond > 1000n ? 8 : 4, unit, type: 'TIME' }
  const usPerUnit = 1_000_000n / unitsPerSecond
  if (format.startsWith('tD'))
    return usPerUnit > 1n
      ? { min: -(MAX_INTERVAL_US / usPerUnit), max: MAX_INTERVAL_US / usPerUnit, bytes: 8, unit, type: 'INTERVAL' }
      : undefined
  if (!format.startsWith('ts')) return undefined
  const zoned = format.length > 4
  const type = zoned ? 'TIMESTAMPTZ' : 'TIMESTAMP'
  if (usPerUnit === 0n)
    return zoned ? undefined : { min: MIN_TIMESTAMP_NS, max: INFINITY, allowsInfinity: true, bytes: 8, unit, type }
  return {
    min: MIN_TIMESTAMP_US / usPerUnit,
    max: MAX_TIMESTAMP_US / usPerUnit,
    ...((!zoned || usPerUnit === 1n) && { allowsInfinity: true }),
    bytes: 8,
    unit,
    type,
  }
}

/** The values of a column that DuckDB cannot hold. */
export interface OutOfRange {
  /** Whether the value at a row is out of range, ignoring nulls. */
  has(row: number): boolean
  /** Describes the value at a row for an error message. */
  describe(row: number): string
}

/**
 * The values of a column that DuckDB would store changed; undefined when there are none, not even under null rows.
 * @param values of a fixed-width type, aligned to 8 bytes
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
  const { min, max, allowsInfinity, unit, type } = range
  const { buffer, byteOffset, byteLength } = bytes
  const describe = (value: number | bigint) => `${value} ${unit} is outside of what a ${type} can hold`
  if (range.bytes === 4) {
    const values = new Int32Array(buffer, byteOffset, byteLength >> 2)
    const [least, greatest] = [Number(min), Number(max)]
    return {
      has: (row) => values[row]! < least || values[row]! > greatest,
      describe: (row) => describe(values[row]!),
    }
  }
  const values = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  return {
    has(row) {
      const value = values[row]!
      return (value < min || value > max) && !(allowsInfinity && (value === INFINITY || value === -INFINITY))
    },
    describe: (row) => describe(values[row]!),
  }
}

/** Nanoseconds are rounded down to whole microseconds within 64 bits, which the least values do not allow. */
function intervalsOutOfRange({ buffer, byteOffset, byteLength }: Uint8Array): OutOfRange {
  const words = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  return {
    has: (row) => words[2 * row + 1]! < MIN_INTERVAL_NS,
    describe: (row) => `${words[2 * row + 1]} ns is outside of what an INTERVAL can hold`,
  }
}

/** Whether DuckDB has a type for the decimals of an Arrow format: precision 1 to 38, scale 0 to the precision. */
export function isHeldDecimal(format: string): boolean {
  const [precision = 0, scale = -1, bits = 128] = format.slice(2).split(',').map(Number)
  return precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision && bits <= 128
}

/** DuckDB stores a decimal in as many bytes as its precision needs, and cuts off the higher ones. */
function decimalsOutOfRange(format: string, bytes: Uint8Array): OutOfRange | undefined {
  const [precision = 0, , bits = 128] = format.slice(2).split(',').map(Number)
  if (bits > 128) return undefined
  const { buffer, byteOffset, byteLength } = bytes
  const limit = 10n ** BigInt(precision)
  const describe = () => `the decimal has more than the ${precision} digits of its type`
  if (bits === 32) {
    const values = new Int32Array(buffer, byteOffset, byteLength >> 2)
    return { has: (row) => Math.abs(values[row]!) >= 10 ** precision, describe }
  }
  const values = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  if (bits === 64) return { has: (row) => values[row]! >= limit || values[row]! <= -limit, describe }
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
    describe,
  }
}
