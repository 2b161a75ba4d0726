import { ArrowError } from '../errors.ts'
import type { Field } from '../schema.ts'
import { binaryCell } from './binary-cells.ts'
import type { Binding, BoundColumn } from './binding.ts'
import { dictionaryCell, runEndCell } from './encoded-cells.ts'
import { extensionNameOf, isBoolean8 } from './extension-text.ts'
import { listCell, mapCell, structCell, unionCell } from './nested-cells.ts'
import { type Cell, type CellStyle, writeAscii } from './text-sink.ts'
import { quoteCsvField } from './values/csv-fields.ts'
import { decimalCell } from './values/decimals.ts'
import { floatCell, halfFloats } from './values/floats.ts'
import { bigIntegerCell, smallIntegerCell } from './values/integers.ts'
import { nullCell } from './values/nulls.ts'
import { dateCell, dateMsCell, durationCell, intervalCell, timeCell, timestampCell } from './values/times.ts'

/**
 * Binds the next column of a batch.
 * @throws ArrowError MALFORMED; UNSUPPORTED for a type without a text form
 */
export function bindColumn(field: Field, binding: Binding): BoundColumn {
  const rows = binding.batch.node()
  const { format } = field
  if (format === 'n') return { cell: nullCell(binding.style), rows }
  if (format === '+r') return { cell: runEndCell(field, binding, rows), rows }
  if (format.startsWith('+u')) return { cell: unionCell(field, binding, rows), rows }
  const validity = binding.batch.validity(rows)
  const cell = format.startsWith('+') ? inCsvField(nestedCell, field, binding, rows) : valueCell(field, binding, rows)
  return { cell: validity ? nullableCell(validity, cell, binding.style) : cell, rows }
}

type NestedCell = (field: Field, binding: Binding, rows: number) => Cell

function nestedCell(field: Field, binding: Binding, rows: number): Cell {
  if (field.format === '+s') return structCell(field, binding, rows)
  return field.format === '+m' ? mapCell(field, binding, rows) : listCell(field, binding, rows)
}

/** A nested value is JSON, in a CSV field the text of it. */
function inCsvField(create: NestedCell, field: Field, binding: Binding, rows: number): Cell {
  if (binding.style.format === 'json') return create(field, binding, rows)
  const cell = create(field, { ...binding, style: { ...binding.style, format: 'json' } }, rows)
  return (row, at) => quoteCsvField(at, cell(row, at))
}

function nullableCell(validity: Uint8Array, value: Cell, style: CellStyle): Cell {
  const isNull = nullCell(style)
  return (row, at) => ((validity[row >>> 3]! >> (row & 7)) & 1 ? value(row, at) : isNull(row, at))
}

function valueCell(field: Field, binding: Binding, rows: number): Cell {
  const { batch, style, column } = binding
  if (field.dictionary) return dictionaryCell(field, binding, rows)
  const { format } = field
  switch (format) {
    case 'b': {
      const bits = batch.bytes(Math.ceil(rows / 8))
      return (row, at) => writeAscii((bits[row >>> 3]! >> (row & 7)) & 1 ? 'true' : 'false', at)
    }
    case 'c':
    case 'C':
    case 's':
    case 'S':
    case 'i':
    case 'I': {
      const values = batch.integers(format, rows)
      if (format === 'c' && isBoolean8(extensionNameOf(new Map(field.metadata))))
        return (row, at) => writeAscii(values[row] !== 0 ? 'true' : 'false', at)
      return smallIntegerCell(values)
    }
    case 'l':
    case 'L':
      return bigIntegerCell(batch.words(2 * rows), format === 'l', style)
    case 'e': {
      const bytes = batch.aligned(2 * rows, 2)
      return floatCell(halfFloats(new Uint16Array(bytes.buffer, bytes.byteOffset, rows)), style)
    }
    case 'f': {
      const bytes = batch.aligned(4 * rows, 4)
      return floatCell(new Float32Array(bytes.buffer, bytes.byteOffset, rows), style)
    }
    case 'g': {
      const bytes = batch.aligned(8 * rows, 8)
      return floatCell(new Float64Array(bytes.buffer, bytes.byteOffset, rows), style)
    }
    case 'tdD':
      return dateCell(batch.words(rows), style)
    case 'tdm':
      return dateMsCell(batch.words(2 * rows), style)
    case 'tts':
    case 'ttm':
      return timeCell(format[2]!, batch.words(rows), style)
    case 'ttu':
    case 'ttn':
      return timeCell(format[2]!, batch.words(2 * rows), style)
    case 'tiM':
      return intervalCell('M', batch.words(rows), style)
    case 'tiD':
      return intervalCell('D', batch.words(2 * rows), style)
    case 'tin':
      return intervalCell('n', batch.words(4 * rows), style)
  }
  if (format.startsWith('ts')) return timestampCell(format[2]!, batch.words(2 * rows), format.length > 4, style)
  if (format.startsWith('tD')) return durationCell(format[2]!, batch.words(2 * rows), style)
  if (format.startsWith('d:')) {
    const [, scale, bits = 128] = format.slice(2).split(',').map(Number)
    return decimalCell(batch.words((rows * bits) / 32), bits, scale!, style)
  }
  const binary = binaryCell(field, binding, rows)
  if (binary) return binary
  throw new ArrowError(
    'UNSUPPORTED',
    `The column "${column}" has the Arrow type ${format}, which has no text form: cast it.`,
  )
}
