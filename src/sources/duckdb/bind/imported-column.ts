import type { Field } from '../../../arrow/schema.ts'
import { halfOf } from './half.ts'
import { daysOf, floorDivide, micros, timestampMicros } from './micros.ts'
import type { OutOfRange } from './value-ranges.ts'

/*
 * DuckDB reads Arrow arrays of its own units as they are. What it would multiply without looking for an overflow, round
 * toward zero, or not read at all is turned into those units here.
 */

/** A column of nanoseconds, to be handed over in the format of microseconds. */
interface NarrowedField extends Field {
  readonly narrowed?: string
}

/** Numbers of `duckdb_type` that hold no nanoseconds, by the formats that do. */
const narrowing: Readonly<Record<string, { readonly format: string; readonly types: readonly number[] }>> = {
  'tsn:': { format: 'tsu:', types: [12, 13, 31] },
  ttn: { format: 'ttu', types: [14] },
}

/**
 * The field, for a column of DuckDB of the type that `typeOf` tells: where that has no nanoseconds they are rounded off
 * like all else, since DuckDB's own casts would round toward zero or up.
 */
export function narrowed(field: Field, typeOf: () => number): Field {
  const to = field.dictionary ? undefined : narrowing[field.format]
  if (!to?.types.includes(typeOf())) return field
  const narrow: NarrowedField = { ...field, narrowed: to.format }
  return narrow
}

/** The format that a column without members is handed over in. */
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

/** How a column is handed to DuckDB: the field with the types that `importedValues` gives. */
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
 * The values of a fixed-width column as `importedField` says; a copy where they differ. Those out of range become 0: they
 * are refused by their rows, or belong to none.
 */
export function importedValues(
  field: Field,
  width: number,
  values: Uint8Array,
  rows: number,
  out?: OutOfRange,
): Uint8Array {
  const { format } = field
  const { buffer, byteOffset, byteLength } = values
  if (format === 'e') {
    const halves = new Uint16Array(buffer, byteOffset, byteLength >> 1)
    return bytesOf(Float32Array.from({ length: rows }, (_, row) => halfOf(halves[row]!)))
  }
  if (format === 'tin') return wholeMicros(new BigInt64Array(buffer, byteOffset, byteLength >> 3), rows, out)
  const imported = importedFormat(field)
  if (imported === format) return out ? withoutOutOfRange(values, width, rows, out) : values
  const counts = new BigInt64Array(buffer, byteOffset, byteLength >> 3)
  if (imported === 'tdD') {
    const days = new Int32Array(rows)
    for (let row = 0; row < rows; row++) days[row] = out?.has(row) ? 0 : daysOf(counts[row]!)
    return bytesOf(days)
  }
  const toMicros = format === 'tsn:' ? timestampMicros : micros[format[2]!]!
  const converted = new BigInt64Array(rows)
  for (let row = 0; row < rows; row++) converted[row] = out?.has(row) ? 0n : toMicros(counts[row]!)
  return bytesOf(converted)
}

/** Intervals of months, days and nanoseconds with what no microsecond holds cut off. */
function wholeMicros(words: BigInt64Array, rows: number, out?: OutOfRange): Uint8Array {
  const converted = BigInt64Array.from(words.subarray(0, 2 * rows))
  for (let row = 0; row < rows; row++)
    converted[2 * row + 1] = out?.has(row) ? 0n : floorDivide(words[2 * row + 1]!, 1000n) * 1000n
  return bytesOf(converted)
}

function withoutOutOfRange(values: Uint8Array, width: number, rows: number, out: OutOfRange): Uint8Array {
  const copy = Uint8Array.from(values)
  for (let row = 0; row < rows; row++) if (out.has(row)) copy.fill(0, row * width, (row + 1) * width)
  return copy
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
