import { Builder } from 'flatbuffers'
import { ArrowError } from './errors.ts'
import { FlatTable } from './ipc/flat-table.ts'
import { finishMessage, MessageHeader, offsetVector, table } from './ipc/message-builder.ts'
import { checkMembers } from './members.ts'
import { writeMetadata } from './write-metadata.ts'

/**
 * A column, or the schema itself (format `+s`, with the columns as children). The type is a format string of the Arrow C data
 * interface, a short code for each type and its parameters.
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings.
 */
export interface Field {
  readonly name: string
  readonly format: string
  readonly nullable: boolean
  readonly metadata: readonly (readonly [string, string])[]
  readonly children: readonly Field[]
  /** Value type of a dictionary-encoded column; `format` is then the index type. */
  readonly dictionary?: Field
  /** Whether the order of the dictionary's values is meaningful. */
  readonly ordered?: boolean
  /** Id of its dictionary batches, if decoded from a message; `encodeSchema` assigns ids itself. */
  readonly dictionaryId?: number
}

/** Numbers of the Type union. Source: https://github.com/apache/arrow/blob/main/format/Schema.fbs. */
const T = {
  Null: 1,
  Int: 2,
  FloatingPoint: 3,
  Binary: 4,
  Utf8: 5,
  Bool: 6,
  Decimal: 7,
  Date: 8,
  Time: 9,
  Timestamp: 10,
  Interval: 11,
  List: 12,
  Struct: 13,
  Union: 14,
  FixedSizeBinary: 15,
  FixedSizeList: 16,
  Map: 17,
  Duration: 18,
  LargeBinary: 19,
  LargeUtf8: 20,
  LargeList: 21,
  RunEndEncoded: 22,
  BinaryView: 23,
  Utf8View: 24,
  ListView: 25,
  LargeListView: 26,
} as const

const simple: Readonly<Record<string, number>> = {
  n: T.Null,
  b: T.Bool,
  u: T.Utf8,
  U: T.LargeUtf8,
  z: T.Binary,
  Z: T.LargeBinary,
  vu: T.Utf8View,
  vz: T.BinaryView,
  '+l': T.List,
  '+L': T.LargeList,
  '+s': T.Struct,
  '+r': T.RunEndEncoded,
  '+vl': T.ListView,
  '+vL': T.LargeListView,
}
const simpleByType = new Map(Object.entries(simple).map(([format, type]) => [type, format]))
/** Integer types by format string. */
export const integers: Readonly<Record<string, readonly [bits: number, signed: boolean]>> = {
  c: [8, true],
  C: [8, false],
  s: [16, true],
  S: [16, false],
  i: [32, true],
  I: [32, false],
  l: [64, true],
  L: [64, false],
}
const integersByType = new Map(
  Object.entries(integers).map(([format, [bits, signed]]) => [signed ? bits : -bits, format]),
)
const timeUnits = 'smun'
const floats = 'efg'
const intervals = 'MDn'
const decimalBits: ReadonlySet<number> = new Set([32, 64, 128, 256])

/** Encodes a schema as a bare flatbuffer `Message`. Dictionaries are numbered in schema order, depth first. */
export function encodeSchema(root: Field): Uint8Array {
  const builder = new Builder(1024)
  const ids = { next: 0 }
  const fields = offsetVector(
    builder,
    root.children.map((child) => writeField(builder, child, ids)),
  )
  const metadata = writeMetadata(builder, root.metadata)
  const schema = table(builder, 4, () => {
    builder.addFieldOffset(1, fields, 0)
    if (metadata) builder.addFieldOffset(2, metadata, 0)
  })
  return finishMessage(builder, MessageHeader.schema, schema, 0)
}

/**
 * Decodes a bare flatbuffer `Message` that holds a schema.
 * @throws ArrowError
 */
export function decodeSchema(message: Uint8Array): Field {
  const root = FlatTable.root(message)
  if (root.uint8(1) !== MessageHeader.schema) throw new ArrowError('MALFORMED', 'The message holds no schema.')
  const schema = root.table(2)
  if (!schema) throw new ArrowError('MALFORMED', 'The schema message is empty.')
  if (schema.int16(0) !== 0) throw new ArrowError('UNSUPPORTED', 'Big-endian data is not supported.')
  return {
    name: '',
    format: '+s',
    nullable: false,
    metadata: readMetadata(schema, 2),
    children: schema.tables(1).map((field) => readField(field, 0)),
  }
}

function writeField(builder: Builder, field: Field, ids: DictionaryIds): number {
  const { type, typeTable, dictionary, children } = writeFieldType(builder, field, ids)
  const name = builder.createString(field.name)
  const metadata = writeMetadata(builder, field.metadata)
  return table(builder, 7, () => {
    builder.addFieldOffset(0, name, 0)
    builder.addFieldInt8(1, field.nullable ? 1 : 0, 0)
    builder.addFieldInt8(2, type, 0)
    builder.addFieldOffset(3, typeTable, 0)
    if (dictionary) builder.addFieldOffset(4, dictionary, 0)
    builder.addFieldOffset(5, children, 0)
    if (metadata) builder.addFieldOffset(6, metadata, 0)
  })
}

/** Id of the next dictionary. */
export interface DictionaryIds {
  next: number
  /** Called with the offset of each written id, counted from the end of the builder's bytes. */
  readonly onWritten?: (offset: number) => void
}

/** The parts of a field that precede its table, as builder offsets; 0 for no dictionary. */
export interface WrittenType {
  readonly type: number
  readonly typeTable: number
  readonly dictionary: number
  readonly children: number
}

/** Writes a field except its name, metadata and table. @throws ArrowError UNSUPPORTED */
export function writeFieldType(builder: Builder, field: Field, ids: DictionaryIds): WrittenType {
  let dictionary = 0
  if (field.dictionary) {
    const id = ids.next++
    const [, indexType] = writeType(builder, field.format, field.name)
    dictionary = table(builder, 4, () => {
      builder.addFieldInt64(0, BigInt(id), 0n)
      ids.onWritten?.(builder.offset())
      builder.addFieldOffset(1, indexType, 0)
      builder.addFieldInt8(2, field.ordered ? 1 : 0, 0)
    })
  }
  const value = field.dictionary ?? field
  const children = offsetVector(
    builder,
    value.children.map((child) => writeField(builder, child, ids)),
  )
  const [type, typeTable] = writeType(builder, value.format, field.name)
  return { type, typeTable, dictionary, children }
}

function writeType(builder: Builder, format: string, column: string): [type: number, offset: number] {
  const empty = (type: number): [number, number] => [type, table(builder, 0, () => {})]
  const one = (type: number, write: () => void): [number, number] => [type, table(builder, 3, write)]
  const integer = integers[format]
  if (integer)
    return one(T.Int, () => {
      builder.addFieldInt32(0, integer[0], 0)
      builder.addFieldInt8(1, integer[1] ? 1 : 0, 0)
    })
  if (simple[format] !== undefined) return empty(simple[format])
  const unit = () => timeUnits.indexOf(format[2]!)
  if (format.length === 1 && floats.includes(format))
    return one(T.FloatingPoint, () => builder.addFieldInt16(0, floats.indexOf(format), 0))
  if (format.startsWith('d:')) {
    const [precision, scale, bits] = format.slice(2).split(',').map(Number)
    return one(T.Decimal, () => {
      builder.addFieldInt32(0, precision!, 0)
      builder.addFieldInt32(1, scale!, 0)
      builder.addFieldInt32(2, bits ?? 128, 128)
    })
  }
  if (format.startsWith('w:')) return one(T.FixedSizeBinary, () => builder.addFieldInt32(0, Number(format.slice(2)), 0))
  if (format.startsWith('+w:')) return one(T.FixedSizeList, () => builder.addFieldInt32(0, Number(format.slice(3)), 0))
  if (format === 'tdD' || format === 'tdm')
    return one(T.Date, () => builder.addFieldInt16(0, format === 'tdD' ? 0 : 1, 1))
  if (format.startsWith('tt'))
    return one(T.Time, () => {
      builder.addFieldInt16(0, unit(), 1)
      builder.addFieldInt32(1, unit() < 2 ? 32 : 64, 32)
    })
  if (format.startsWith('ts')) {
    const zone = format.slice(4) ? builder.createString(format.slice(4)) : 0
    return one(T.Timestamp, () => {
      builder.addFieldInt16(0, unit(), 0)
      if (zone) builder.addFieldOffset(1, zone, 0)
    })
  }
  if (format.startsWith('tD')) return one(T.Duration, () => builder.addFieldInt16(0, unit(), 1))
  if (format.startsWith('ti')) return one(T.Interval, () => builder.addFieldInt16(0, intervals.indexOf(format[2]!), 0))
  if (format === '+m') return one(T.Map, () => builder.addFieldInt8(0, 0, 0))
  if (format.startsWith('+us:') || format.startsWith('+ud:')) {
    const ids = format.slice(4).split(',').map(Number)
    builder.startVector(4, ids.length, 4)
    for (const id of ids.reverse()) builder.addInt32(id)
    const vector = builder.endVector()
    return one(T.Union, () => {
      builder.addFieldInt16(0, format[2] === 's' ? 0 : 1, 0)
      builder.addFieldOffset(1, vector, 0)
    })
  }
  throw new ArrowError('UNSUPPORTED', `The column "${column}" has the Arrow type ${format}, which cannot be sent.`)
}

const MAX_DEPTH = 64

function readField(field: FlatTable, depth: number): Field {
  if (depth > MAX_DEPTH)
    throw new ArrowError('UNSUPPORTED', `A column has types within types, more than ${MAX_DEPTH} levels deep: cast it.`)
  const name = field.text(0)
  const base = {
    name,
    nullable: field.uint8(1) !== 0,
    metadata: readMetadata(field, 6),
  }
  const children = field.tables(5).map((child) => readField(child, depth + 1))
  const format = readType(field.uint8(2), field.table(3), name, children.length)
  checkMembers(format, children, name)
  const encoding = field.table(4)
  if (!encoding) return { ...base, format, children }
  const indexType = encoding.table(1)
  return {
    ...base,
    format: indexType ? readType(T.Int, indexType, name, 0) : 'i',
    children: [],
    dictionary: { name: '', format, nullable: true, metadata: [], children },
    ordered: encoding.uint8(2) !== 0,
    dictionaryId: encoding.size(0),
  }
}

function readMetadata(holder: FlatTable, slot: number): [string, string][] {
  return holder.tables(slot).map((pair) => [pair.text(0), pair.text(1)])
}

/** @param members number of children; a union without type ids numbers its types by them */
function readType(type: number, t: FlatTable | undefined, column: string, members: number): string {
  const known = simpleByType.get(type)
  if (known !== undefined) return known
  const unit = (fallback: number) => {
    const name = timeUnits[t?.int16(0, fallback) ?? fallback]
    if (name === undefined) throw new ArrowError('MALFORMED', `The column "${column}" has an unknown time unit.`)
    return name
  }
  const size = () => {
    const value = t?.int32(0) ?? 0
    if (value < 0) throw new ArrowError('MALFORMED', `The column "${column}" has a negative size.`)
    return value
  }
  switch (type) {
    case T.Int: {
      const bits = t?.int32(0) ?? 0
      const found = integersByType.get(t?.uint8(1) ? bits : -bits)
      if (found !== undefined) return found
      break
    }
    case T.FloatingPoint: {
      const format = floats[t?.int16(0) ?? 0]
      if (format !== undefined) return format
      break
    }
    case T.Decimal: {
      const bits = t?.int32(2, 128) ?? 128
      if (!decimalBits.has(bits)) break
      return `d:${t?.int32(0) ?? 0},${t?.int32(1) ?? 0}${bits === 128 ? '' : `,${bits}`}`
    }
    case T.Date:
      return (t?.int16(0, 1) ?? 1) === 0 ? 'tdD' : 'tdm'
    case T.Time:
      return `tt${unit(1)}`
    case T.Timestamp:
      return `ts${unit(0)}:${t?.text(1) ?? ''}`
    case T.Interval: {
      const format = intervals[t?.int16(0) ?? 0]
      if (format !== undefined) return `ti${format}`
      break
    }
    case T.Union: {
      const given = t?.int32s(1) ?? []
      const ids = given.length > 0 ? given : Array.from({ length: members }, (_, i) => i)
      return `+u${(t?.int16(0) ?? 0) === 0 ? 's' : 'd'}:${ids.join(',')}`
    }
    case T.FixedSizeBinary:
      return `w:${size()}`
    case T.FixedSizeList:
      return `+w:${size()}`
    case T.Map:
      return '+m'
    case T.Duration:
      return `tD${unit(1)}`
  }
  throw new ArrowError('UNSUPPORTED', `The column "${column}" has an Arrow type (${type}) that is not supported.`)
}
