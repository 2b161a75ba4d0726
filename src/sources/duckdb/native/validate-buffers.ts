import { isUtf8 } from 'node:buffer'
import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import { ArrowError } from '../../../arrow/errors.ts'

/*
 * DuckDB reads Arrow buffers without checks: an offset or index out of bounds would make it read foreign memory. So these
 * functions check all of them first.
 */

const malformed = (what: string) => new ArrowError('MALFORMED', `${what}.`)

/** Checks that the validity bitmap covers all rows, if some are null. */
export function checkValidity(bits: Uint8Array, rows: number, nulls: number): void {
  if (nulls > 0 && bits.byteLength < Math.ceil(rows / 8)) throw malformed('The validity of a column is cut short')
}

/** Checks that fixed-width values are present for all rows. */
export function checkFixed(values: Uint8Array, { kind, width }: LayoutPlan, rows: number): void {
  const needed = kind === 'bool' ? Math.ceil(rows / 8) : rows * width
  if (values.byteLength < needed) throw malformed('A column has fewer values than rows')
}

/** Checks that offsets never decrease and stay within `limit`. @returns the first and the last offset */
export function checkOffsets(bytes: Uint8Array, width: number, rows: number, limit: number): [number, number] {
  if (rows === 0) return [0, 0]
  if (bytes.byteLength < (rows + 1) * width) throw malformed('The offsets of a column are cut short')
  const offset = offsetReader(bytes, width)
  const first = offset(0)
  let previous = first
  if (first < 0) throw malformed('An offset is negative')
  for (let row = 1; row <= rows; row++) {
    const next = offset(row)
    if (next < previous) throw malformed('The offsets of a column decrease')
    previous = next
  }
  if (previous > limit) throw malformed('An offset leads beyond its data')
  return [first, previous]
}

/** Checks that each text is UTF-8 by itself, except in null rows. */
export function checkUtf8(
  data: Uint8Array,
  offsets: Uint8Array,
  width: number,
  rows: number,
  validity: Uint8Array = new Uint8Array(0),
): void {
  if (rows === 0) return
  const offset = offsetReader(offsets, width)
  if (isUtf8(data.subarray(offset(0), offset(rows))) && isCutAtCharacters(data, offset, rows)) return
  for (let row = 0; row < rows; row++)
    if (!isNull(validity, row) && !isUtf8(data.subarray(offset(row), offset(row + 1))))
      throw malformed('A text is not UTF-8')
}

function isCutAtCharacters(data: Uint8Array, offset: (row: number) => number, rows: number): boolean {
  for (let row = 1; row < rows; row++) if ((data[offset(row)]! & 0xc0) === 0x80) return false
  return true
}

/** Whether a row is null. The validity bitmap is empty when no row is. */
export function isNull(validity: Uint8Array, row: number): boolean {
  return validity.byteLength > 0 && ((validity[row >> 3]! >> (row & 7)) & 1) === 0
}

const VIEW_BYTES = 16
const INLINE_BYTES = 12

/**
 * Checks that each view lies within its buffer, except in null rows, and that a text view leads to UTF-8.
 * Source: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout.
 */
export function checkViews(
  views: Uint8Array,
  rows: number,
  data: readonly Uint8Array[],
  validity: Uint8Array,
  text: boolean,
): void {
  const view = new DataView(views.buffer, views.byteOffset, views.byteLength)
  for (let row = 0; row < rows; row++) {
    if (isNull(validity, row)) continue
    const at = row * VIEW_BYTES
    const length = view.getInt32(at, true)
    const inline = length <= INLINE_BYTES
    const buffer = inline ? views : data[view.getInt32(at + 8, true)]
    const from = inline ? at + 4 : view.getInt32(at + 12, true)
    if (length < 0 || from < 0 || !buffer || from + length > buffer.byteLength)
      throw malformed('A view leads beyond its data')
    if (text && !isUtf8(buffer.subarray(from, from + length))) throw malformed('A text is not UTF-8')
  }
}

/** Checks that dictionary indices are below the dictionary's size, except in null rows. */
export function checkIndices(
  bytes: Uint8Array,
  format: string,
  rows: number,
  size: number,
  validity: Uint8Array,
): void {
  const values = indexReader(bytes, format)
  for (let row = 0; row < rows; row++) {
    const index = values(row)
    if (index >= 0 && index < size) continue
    if (isNull(validity, row)) continue
    throw malformed('An index leads beyond its dictionary')
  }
}

/** Reads offsets of 4 or 8 bytes. */
export function offsetReader(bytes: Uint8Array, width: number): (row: number) => number {
  if (width === 4) {
    const offsets = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
    return (row) => offsets[row]!
  }
  const offsets = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 3)
  return (row) => Number(offsets[row]!)
}

/** Reads dictionary indices of an Arrow format. */
export function indexReader(bytes: Uint8Array, format: string): (row: number) => number {
  const { buffer, byteOffset, byteLength } = bytes
  switch (format) {
    case 'c':
      return reader(new Int8Array(buffer, byteOffset, byteLength))
    case 'C':
      return reader(bytes)
    case 's':
      return reader(new Int16Array(buffer, byteOffset, byteLength >> 1))
    case 'S':
      return reader(new Uint16Array(buffer, byteOffset, byteLength >> 1))
    case 'i':
      return reader(new Int32Array(buffer, byteOffset, byteLength >> 2))
    case 'I':
      return reader(new Uint32Array(buffer, byteOffset, byteLength >> 2))
    case 'l':
      return reader(new BigInt64Array(buffer, byteOffset, byteLength >> 3))
    case 'L':
      return reader(new BigUint64Array(buffer, byteOffset, byteLength >> 3))
    default:
      throw new ArrowError('UNSUPPORTED', `A dictionary cannot be indexed by the Arrow type ${format}.`)
  }
}

function reader(values: { readonly [row: number]: number | bigint }): (row: number) => number {
  return (row) => Number(values[row])
}
