import koffi from 'koffi'
import { ArrowError } from '../../arrow/errors.ts'
import { readBatchLayout, readHeader } from '../../arrow/header.ts'
import { readStream } from '../../arrow/ipc.ts'
import { layoutPlan } from '../../arrow/layout-plan.ts'
import { decodeSchema, type Field } from '../../arrow/schema.ts'
import { DuckDbError } from './c-functions.ts'
import { type Address, libduckdb } from './native.ts'
import { typedNull } from './typed-null.ts'

/*
 * Values of an Arrow batch bound to the parameters of a prepared statement, typed.
 * Source: https://duckdb.org/docs/stable/clients/c/prepared.
 */

koffi.struct('duckdb_hugeint', { lower: 'uint64_t', upper: 'int64_t' })
koffi.struct('duckdb_decimal', { width: 'uint8_t', scale: 'uint8_t', value: 'duckdb_hugeint' })
koffi.struct('duckdb_date', { days: 'int32_t' })
koffi.struct('duckdb_time', { micros: 'int64_t' })
koffi.struct('duckdb_timestamp', { micros: 'int64_t' })
koffi.struct('duckdb_interval', { months: 'int32_t', days: 'int32_t', micros: 'int64_t' })

const bind = (name: string, type: string): ((statement: Address, index: number, value: unknown) => number) =>
  libduckdb.func(`int duckdb_bind_${name}(uintptr_t, uint64_t, ${type})`)
const bindNull: (statement: Address, index: number) => number = libduckdb.func(
  'int duckdb_bind_null(uintptr_t, uint64_t)',
)
const bindValue: (statement: Address, index: number, value: Address) => number = libduckdb.func(
  'int duckdb_bind_value(uintptr_t, uint64_t, uintptr_t)',
)
const bindBytes = (name: string): ((statement: Address, index: number, value: Uint8Array, length: number) => number) =>
  libduckdb.func(`int duckdb_bind_${name}(uintptr_t, uint64_t, const void*, uint64_t)`)

const c = {
  boolean: bind('boolean', 'bool'),
  int8: bind('int8', 'int8_t'),
  int16: bind('int16', 'int16_t'),
  int32: bind('int32', 'int32_t'),
  int64: bind('int64', 'int64_t'),
  uint8: bind('uint8', 'uint8_t'),
  uint16: bind('uint16', 'uint16_t'),
  uint32: bind('uint32', 'uint32_t'),
  uint64: bind('uint64', 'uint64_t'),
  float: bind('float', 'float'),
  double: bind('double', 'double'),
  decimal: bind('decimal', 'duckdb_decimal'),
  date: bind('date', 'duckdb_date'),
  time: bind('time', 'duckdb_time'),
  timestamp: bind('timestamp', 'duckdb_timestamp'),
  timestampTz: bind('timestamp_tz', 'duckdb_timestamp'),
  interval: bind('interval', 'duckdb_interval'),
  text: bindBytes('varchar_length'),
  blob: bindBytes('blob'),
}

type Bind = (statement: Address, index: number, row: number) => number

/** One row of parameters, ready to be bound. */
export interface ParameterRow {
  /** Binds the row. @throws DuckDbError */
  bindTo(statement: Address): void
}

/**
 * The rows of an IPC stream as parameters, in order.
 * @throws ArrowError for malformed bytes and for types that cannot be bound
 */
export function* parameterRows(stream: Uint8Array): Generator<ParameterRow> {
  let schema: Field | undefined
  for (const { header, body } of readStream(stream)) {
    if (!schema) {
      schema = decodeSchema(header)
      continue
    }
    if (readHeader(header).kind !== 'batch')
      throw new ArrowError('UNSUPPORTED', 'Dictionary-encoded columns cannot be bound: send plain values.')
    const { rows, nodes, buffers } = readBatchLayout(header)
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const cursor = { node: 0, buffer: 0 }
    const columns = schema.children.map((field) => columnBinder(field, bytes, nodes, buffers, cursor))
    for (let row = 0; row < rows; row++)
      yield {
        bindTo(statement) {
          for (const [i, column] of columns.entries())
            if (inBounds(() => column(statement, i + 1, row)) !== 0)
              throw new DuckDbError(`Invalid Input Error: parameter ${i + 1} cannot be bound, or is one too many`)
        },
      }
  }
}

/** A batch whose buffers are shorter than its rows is malformed. */
function inBounds(read: () => number): number {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError)
      throw new ArrowError('MALFORMED', 'A buffer of the parameters is too short for its rows.')
    throw error
  }
}

interface Cursor {
  node: number
  buffer: number
}

function columnBinder(
  field: Field,
  body: Buffer,
  nodes: readonly number[],
  buffers: readonly number[],
  cursor: Cursor,
): Bind {
  const take = () => {
    const offset = buffers[2 * cursor.buffer]
    const length = buffers[2 * cursor.buffer++ + 1]
    if (offset === undefined || length === undefined)
      throw new ArrowError('MALFORMED', 'The batch has fewer buffers than its schema.')
    return body.subarray(offset, offset + length)
  }
  const nulls = nodes[2 * cursor.node++ + 1]
  if (nulls === undefined) throw new ArrowError('MALFORMED', 'The batch has fewer columns than its schema.')
  if (field.format === 'n') return bindNull
  const missing = typedNull(field)
  const nullBinder: Bind = missing === 0 ? bindNull : (statement, index) => bindValue(statement, index, missing)
  const validity = take()
  const value = valueBinder(field, take)
  if (nulls === 0 || validity.length === 0) return value
  return (statement, index, row) =>
    (validity[row >> 3]! >> (row & 7)) & 1 ? value(statement, index, row) : nullBinder(statement, index, row)
}

const MICROS_PER_DAY = 86_400_000_000n
const microsPer: Readonly<Record<string, (value: bigint) => bigint>> = {
  s: (value) => value * 1_000_000n,
  m: (value) => value * 1000n,
  u: (value) => value,
  n: (value) => value / 1000n,
}

function valueBinder(field: Field, take: () => Buffer): Bind {
  const { format } = field
  if (layoutPlan(field).kind === 'text') return textBinder(format, take)
  const data = take()
  const int64 = (row: number) => data.readBigInt64LE(8 * row)
  switch (format) {
    case 'b':
      return (s, i, row) => c.boolean(s, i, ((data[row >> 3]! >> (row & 7)) & 1) === 1)
    case 'c':
      return (s, i, row) => c.int8(s, i, data.readInt8(row))
    case 'C':
      return (s, i, row) => c.uint8(s, i, data.readUInt8(row))
    case 's':
      return (s, i, row) => c.int16(s, i, data.readInt16LE(2 * row))
    case 'S':
      return (s, i, row) => c.uint16(s, i, data.readUInt16LE(2 * row))
    case 'i':
      return (s, i, row) => c.int32(s, i, data.readInt32LE(4 * row))
    case 'I':
      return (s, i, row) => c.uint32(s, i, data.readUInt32LE(4 * row))
    case 'l':
      return (s, i, row) => c.int64(s, i, int64(row))
    case 'L':
      return (s, i, row) => c.uint64(s, i, data.readBigUInt64LE(8 * row))
    case 'f':
      return (s, i, row) => c.float(s, i, data.readFloatLE(4 * row))
    case 'g':
      return (s, i, row) => c.double(s, i, data.readDoubleLE(8 * row))
    case 'tdD':
      return (s, i, row) => c.date(s, i, { days: data.readInt32LE(4 * row) })
    case 'tdm':
      return (s, i, row) => c.date(s, i, { days: Number((int64(row) * 1000n) / MICROS_PER_DAY) })
    case 'tiM':
      return (s, i, row) => c.interval(s, i, { months: data.readInt32LE(4 * row), days: 0, micros: 0n })
    case 'tin':
      return (s, i, row) =>
        c.interval(s, i, {
          months: data.readInt32LE(16 * row),
          days: data.readInt32LE(16 * row + 4),
          micros: data.readBigInt64LE(16 * row + 8) / 1000n,
        })
  }
  const unit = microsPer[format[2] ?? '']
  if (format.startsWith('ts') && unit) {
    const call = format.length > 4 ? c.timestampTz : c.timestamp
    return (s, i, row) => call(s, i, { micros: unit(int64(row)) })
  }
  if (format.startsWith('tt') && unit) {
    const wide = format[2] === 'u' || format[2] === 'n'
    return (s, i, row) => c.time(s, i, { micros: unit(wide ? int64(row) : BigInt(data.readInt32LE(4 * row))) })
  }
  if (format.startsWith('tD') && unit)
    return (s, i, row) => c.interval(s, i, { months: 0, days: 0, micros: unit(int64(row)) })
  if (format.startsWith('d:') && format.split(',').length === 2) {
    const [width, scale] = format.slice(2).split(',').map(Number)
    return (s, i, row) => {
      const value = { lower: data.readBigUInt64LE(16 * row), upper: data.readBigInt64LE(16 * row + 8) }
      return c.decimal(s, i, { width, scale, value })
    }
  }
  throw new ArrowError(
    'UNSUPPORTED',
    `The parameter "${field.name}" has the Arrow type ${format}, which cannot be bound.`,
  )
}

function textBinder(format: string, take: () => Buffer): Bind {
  const offsets = take()
  const data = take()
  const wide = format === 'U' || format === 'Z'
  const offset = (row: number) => (wide ? Number(offsets.readBigInt64LE(8 * row)) : offsets.readInt32LE(4 * row))
  const call = format === 'u' || format === 'U' ? c.text : c.blob
  return (statement, index, row) => {
    const value = data.subarray(offset(row), offset(row + 1))
    return call(statement, index, value, value.length)
  }
}
