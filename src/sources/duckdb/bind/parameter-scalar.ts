import { ArrowError } from '../../../arrow/errors.ts'
import type { Field } from '../../../arrow/schema.ts'
import type { Address } from '../native/library.ts'
import { types, values } from '../native/values.ts'
import { extensionName } from '../types/extension-type.ts'
import { halfOf } from './half.ts'
import { importedFormat } from './imported-column.ts'
import { daysOf, INFINITY, micros } from './micros.ts'
import { isHeldDecimal } from './value-ranges.ts'

/** Creates DuckDB values from the rows of a column without children. */
export interface ScalarReader {
  type(): Address
  value(row: number): Address
  /** The value of a row as a number, for integer types. */
  readonly number?: (row: number) => number
}

/** Numbers of `duckdb_type`. Source: https://duckdb.org/docs/stable/clients/c/types. */
const T = {
  boolean: 1,
  int8: 2,
  int16: 3,
  int32: 4,
  int64: 5,
  uint8: 6,
  uint16: 7,
  uint32: 8,
  uint64: 9,
  float: 10,
  double: 11,
  timestamp: 12,
  date: 13,
  time: 14,
  interval: 15,
  text: 17,
  blob: 18,
  timestampNs: 22,
  uuid: 27,
  timestampTz: 31,
  timeNs: 39,
} as const

type Make = (data: Buffer, row: number) => Address
const of = (id: number, make: Make): readonly [number, Make] => [id, make]

const fixed: Readonly<Record<string, readonly [id: number, make: Make]>> = {
  b: of(T.boolean, (data, row) => values.boolean(((data.readUInt8(row >> 3) >> (row & 7)) & 1) === 1)),
  c: of(T.int8, (data, row) => values.int8(data.readInt8(row))),
  C: of(T.uint8, (data, row) => values.uint8(data.readUInt8(row))),
  s: of(T.int16, (data, row) => values.int16(data.readInt16LE(2 * row))),
  S: of(T.uint16, (data, row) => values.uint16(data.readUInt16LE(2 * row))),
  i: of(T.int32, (data, row) => values.int32(data.readInt32LE(4 * row))),
  I: of(T.uint32, (data, row) => values.uint32(data.readUInt32LE(4 * row))),
  l: of(T.int64, (data, row) => values.int64(data.readBigInt64LE(8 * row))),
  L: of(T.uint64, (data, row) => values.uint64(data.readBigUInt64LE(8 * row))),
  e: of(T.float, (data, row) => values.float(halfOf(data.readUInt16LE(2 * row)))),
  f: of(T.float, (data, row) => values.float(data.readFloatLE(4 * row))),
  g: of(T.double, (data, row) => values.double(data.readDoubleLE(8 * row))),
  tdD: of(T.date, (data, row) => values.date({ days: data.readInt32LE(4 * row) })),
  tdm: of(T.date, (data, row) => values.date({ days: daysOf(data.readBigInt64LE(8 * row)) })),
  tts: of(T.time, (data, row) => values.time({ micros: micros['s']!(BigInt(data.readInt32LE(4 * row))) })),
  ttm: of(T.time, (data, row) => values.time({ micros: micros['m']!(BigInt(data.readInt32LE(4 * row))) })),
  ttu: of(T.time, (data, row) => values.time({ micros: data.readBigInt64LE(8 * row) })),
  ttn: of(T.timeNs, (data, row) => values.timeNs({ nanos: data.readBigInt64LE(8 * row) })),
  tiM: of(T.interval, (data, row) => values.interval({ months: data.readInt32LE(4 * row), days: 0, micros: 0n })),
  tiD: of(T.interval, (data, row) =>
    values.interval({
      months: 0,
      days: data.readInt32LE(8 * row),
      micros: BigInt(data.readInt32LE(8 * row + 4)) * 1000n,
    }),
  ),
  tin: of(T.interval, (data, row) =>
    values.interval({
      months: data.readInt32LE(16 * row),
      days: data.readInt32LE(16 * row + 4),
      micros: micros['n']!(data.readBigInt64LE(16 * row + 8)),
    }),
  ),
}

const numbers: Readonly<Record<string, (data: Buffer, row: number) => number>> = {
  c: (data, row) => data.readInt8(row),
  C: (data, row) => data.readUInt8(row),
  s: (data, row) => data.readInt16LE(2 * row),
  S: (data, row) => data.readUInt16LE(2 * row),
  i: (data, row) => data.readInt32LE(4 * row),
  I: (data, row) => data.readUInt32LE(4 * row),
  l: (data, row) => Number(data.readBigInt64LE(8 * row)),
  L: (data, row) => Number(data.readBigUInt64LE(8 * row)),
}

/**
 * Reads a column of a type without children. Its values must be in DuckDB's range, see `value-ranges.ts`. A value with more
 * digits than the DuckDB type is rounded toward minus infinity.
 * @param buffers without the validity bitmap: values; or offsets and bytes; or views and their data buffers
 * @throws ArrowError UNSUPPORTED; RangeError when a buffer is too short for the row
 */
export function scalarReader(field: Field, buffers: readonly Buffer[]): ScalarReader {
  const { format } = field
  const data = buffers[0]!
  if (format === 'ttn' && importedFormat(field) === 'ttu') {
    const time = (row: number) => micros['n']!(data.readBigInt64LE(8 * row))
    return { type: () => types.plain(T.time), value: (row) => values.time({ micros: time(row) }) }
  }
  const known = fixed[format]
  if (known) {
    const number = numbers[format]
    return {
      type: () => types.plain(known[0]),
      value: (row) => known[1](data, row),
      ...(number && { number: (row: number) => number(data, row) }),
    }
  }
  if (isUuid(field)) return { type: () => types.plain(T.uuid), value: (row) => values.uuid(readUuid(data, row)) }
  const bytes = bytesReader(format, buffers)
  if (bytes) {
    const text = format === 'u' || format === 'U' || format === 'vu'
    const make = text ? values.text : values.blob
    return {
      type: () => types.plain(text ? T.text : T.blob),
      value(row) {
        const value = bytes(row)
        return make(value, value.length)
      },
    }
  }
  return timeReader(field, data) ?? decimalReader(format, data) ?? unsupported(field)
}

function bytesReader(format: string, buffers: readonly Buffer[]): ((row: number) => Buffer) | undefined {
  const [first, second] = buffers as readonly [Buffer, Buffer]
  switch (format) {
    case 'u':
    case 'z':
      return (row) => slice(second, first.readInt32LE(4 * row), first.readInt32LE(4 * row + 4))
    case 'U':
    case 'Z':
      return (row) => slice(second, Number(first.readBigInt64LE(8 * row)), Number(first.readBigInt64LE(8 * row + 8)))
    case 'vu':
    case 'vz':
      return (row) => {
        const at = 16 * row
        const length = first.readInt32LE(at)
        if (length <= 12) return slice(first, at + 4, at + 4 + length)
        const from = first.readInt32LE(at + 12)
        return slice(buffers[1 + first.readInt32LE(at + 8)]!, from, from + length)
      }
  }
  if (!format.startsWith('w:')) return undefined
  const width = Number(format.slice(2))
  return (row) => slice(first, row * width, (row + 1) * width)
}

function slice(bytes: Buffer | undefined, from: number, to: number): Buffer {
  if (!bytes || from < 0 || to < from || to > bytes.length) throw new RangeError('a value lies outside of its buffer')
  return bytes.subarray(from, to)
}

function timeReader(field: Field, data: Buffer): ScalarReader | undefined {
  const { format } = field
  const unit = micros[format[2] ?? '']
  if (!unit) return undefined
  const int64 = (row: number) => data.readBigInt64LE(8 * row)
  if (format.startsWith('tD'))
    return {
      type: () => types.plain(T.interval),
      value: (row) => values.interval({ months: 0, days: 0, micros: unit(int64(row)) }),
    }
  if (!format.startsWith('ts')) return undefined
  if (format.length > 4)
    return { type: () => types.plain(T.timestampTz), value: (row) => values.timestampTz({ micros: unit(int64(row)) }) }
  if (importedFormat(field) === 'tsn:')
    return { type: () => types.plain(T.timestampNs), value: (row) => values.timestampNs({ nanos: int64(row) }) }
  return {
    type: () => types.plain(T.timestamp),
    value(row) {
      const value = int64(row)
      return values.timestamp({ micros: value === INFINITY || value === -INFINITY ? value : unit(value) })
    },
  }
}

function decimalReader(format: string, data: Buffer): ScalarReader | undefined {
  if (!format.startsWith('d:') || !isHeldDecimal(format)) return undefined
  const [width, scale, bits = 128] = format.slice(2).split(',').map(Number) as [number, number, number?]
  const huge = (row: number) => {
    if (bits === 128) return { lower: data.readBigUInt64LE(16 * row), upper: data.readBigInt64LE(16 * row + 8) }
    const small = bits === 64 ? data.readBigInt64LE(8 * row) : BigInt(data.readInt32LE(4 * row))
    return { lower: BigInt.asUintN(64, small), upper: small < 0n ? -1n : 0n }
  }
  return {
    type: () => types.decimal(width, scale),
    value: (row) => values.decimal({ width, scale, value: huge(row) }),
  }
}

/** Whether a field is bound as a UUID. */
export function isUuid(field: Field): boolean {
  return field.format === 'w:16' && extensionName(field) === 'arrow.uuid'
}

function readUuid(data: Buffer, row: number): { upper: bigint; lower: bigint } {
  return { upper: data.readBigUInt64BE(16 * row), lower: data.readBigUInt64BE(16 * row + 8) }
}

function unsupported({ name, format }: Field): never {
  throw new ArrowError('UNSUPPORTED', `The parameter "${name}" has the Arrow type ${format}, which cannot be bound.`)
}
