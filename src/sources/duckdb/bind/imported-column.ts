import type { Field } from '../../../arrow/schema.ts'
import { halfOf } from './half.ts'
import { daysOf, floorDivide, micros, timestampMicros } from './micros.ts'
import type { OutOfRange } from './value-ranges.ts'

/*
 * DuckDB reads Arrow arrays in its own units as they are. These functions convert the other units, since DuckDB would
 * multiply them without an overflow check, round them toward zero, or not read them at all.
 */

/** A column of nanoseconds that DuckDB gets as microseconds. */
interface NarrowedField extends Field {
  readonly narrowed?: string
}

/**
 * By a nanosecond format: the format in microseconds, and the DuckDB types, as numbers of `duckdb_type`, that hold no
 * nanoseconds.
 */
const narrowing: Readonly<Record<string, { readonly format: string; readonly types: readonly number[] }>> = {
  'tsn:': { format: 'tsu:', types: [12, 13, 31] },
  ttn: { format: 'ttu', types: [14] },
}

/**
 * The field for a DuckDB column whose type is `typeOf()`. If that type has no nanoseconds, the field is marked, and its
 * values are rounded down like all others: DuckDB's casts would round toward zero or up.
 */
export function narrowed(field: Field, typeOf: () => number): Field {
  const target = field.dictionary ? undefined : narrowing[field.format]
  if (!target?.types.includes(typeOf())) return field
  const narrow: NarrowedField = { ...field, narrowed: target.format }
  return narrow
}

/** The format in which DuckDB gets a column without children. */
export function importedFormat(field: Field): string {
  const { format, narrowed }: NarrowedField = field
  if (narrowed !== undefined) return narrowed
  if (format === 'tdm') return 'tdD'
  if (format === 'e') return 'f'
  const unit = format[2] ?? ''
  if (!'smn'.includes(unit) || unit === '') return format
  if (format.startsWith('tD')) return 'tDu'
  return format.startsWith('ts') && format.length > 4 ? `tsu${format.slice(3)}` : format
}

/** The field as DuckDB gets it, with the types that `importedValues` produces. */
export function importedField(field: Field): Field {
  const { dictionary } = field
  return {
    ...field,
    format: dictionary ? field.format : importedFormat(field),
    children: field.children.map(importedField),
    ...(dictionary && { dictionary: importedField(dictionary) }),
  }
}

/**
 * Converts the values of a fixed-width column to the format of `importedField`; copies them only when they change. Values out
 * of range become 0: their rows are refused or null.
 */
export function importedValues(
  field: Field,
  width: number,
  values: Uint8Array,
  rows: number,
  outOfRange?: OutOfRange,
): Uint8Array {
  const { format } = field
  const { buffer, byteOffset, byteLength } = values
  if (format === 'e') {
    const halves = new Uint16Array(buffer, byteOffset, byteLength >> 1)
    return bytesOf(Float32Array.from({ length: rows }, (_, row) => halfOf(halves[row]!)))
  }
  if (format === 'tin') return wholeMicros(new BigInt64Array(buffer, byteOffset, byteLength >> 3), rows, outOfRange)
  const imported = importedFormat(field)
  if (imported === format) return outOfRange ? withoutOutOfRange(values, width, rows, outOfRange) : values
  const counts = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  if (imported === 'tdD') {
    const days = new Int32Array(rows)
    for (let row = 0; row < rows; row++) days[row] = outOfRange?.has(row) ? 0 : daysOf(counts[row]!)
    return bytesOf(days)
  }
  const toMicros = format === 'tsn:' ? timestampMicros : micros[format[2]!]!
  const converted = new BigInt64Array(rows)
  for (let row = 0; row < rows; row++) converted[row] = outOfRange?.has(row) ? 0n : toMicros(counts[row]!)
  return bytesOf(converted)
}

/** Intervals of months, days and nanoseconds, rounded down to whole microseconds. */
function wholeMicros(words: BigInt64Array, rows: number, outOfRange?: OutOfRange): Uint8Array {
  const converted = BigInt64Array.from(words.subarray(0, 2 * rows))
  for (let row = 0; row < rows; row++)
    converted[2 * row + 1] = outOfRange?.has(row) ? 0n : floorDivide(words[2 * row + 1]!, 1000n) * 1000n
  return bytesOf(converted)
}

function withoutOutOfRange(values: Uint8Array, width: number, rows: number, outOfRange: OutOfRange): Uint8Array {
  const copy = Uint8Array.from(values)
  for (let row = 0; row < rows; row++) if (outOfRange.has(row)) copy.fill(0, row * width, (row + 1) * width)
  return copy
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
