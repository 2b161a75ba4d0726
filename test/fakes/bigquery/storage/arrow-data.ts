import { type Data, type DataType, type List, makeData, type Struct } from 'apache-arrow'
import { type Cell, type FieldSchema, type Row, single, type Value } from '../schema.ts'
import { microsOf } from '../sql/values.ts'

/**
 * Values of one column as Arrow data; buffers are written directly, because the builders of apache-arrow lose microseconds and digits.
 * @param type the column's type of the schema
 */
export function arrowData(values: readonly Value[], field: FieldSchema, type: DataType): Data {
  const length = values.length
  if (field.mode === 'REPEATED') {
    const lists = values.map((value) => (value ?? []) as readonly Cell[])
    const valueOffsets = offsetsOf(lists.map((list) => list.length))
    const items = lists.flatMap((list) => list.map(({ v }) => v))
    const child = arrowData(items, single(field), (type as List).children[0]!.type)
    return makeData({ type, length, nullCount: 0, valueOffsets, child } as never)
  }
  const nulls = bitmap(values.map((value) => value !== null))
  const nullCount = values.filter((value) => value === null).length
  const base = { type, length, nullCount, ...(nullCount > 0 && { nullBitmap: nulls }) }
  if (field.type === 'RECORD' || field.type === 'RANGE') {
    const { children } = type as Struct
    const parts = children.map(({ type: childType }, index) => {
      const childField = field.type === 'RECORD' ? field.fields![index]! : boundField(field, index)
      return arrowData(
        values.map((value) => partOf(value, index, field)),
        childField,
        childType,
      )
    })
    return makeData({ ...base, children: parts } as never)
  }
  const texts = values.map((value) => value as string | null)
  switch (field.type) {
    case 'STRING':
    case 'BYTES':
    case 'JSON':
    case 'GEOGRAPHY': {
      const encoding = field.type === 'BYTES' ? 'base64' : 'utf8'
      const parts = texts.map((text) => (text === null ? empty : Buffer.from(text, encoding)))
      return makeData({
        ...base,
        valueOffsets: offsetsOf(parts.map((part) => part.length)),
        data: new Uint8Array(Buffer.concat(parts)),
      } as never)
    }
    case 'BOOLEAN':
      return makeData({ ...base, data: bitmap(texts.map((text) => text === 'true')) } as never)
    case 'FLOAT':
      return makeData({ ...base, data: Float64Array.from(texts, (text) => Number(text ?? 0)) } as never)
    case 'DATE':
      return makeData({
        ...base,
        data: Int32Array.from(texts, (text) => Number(daysOf(text ?? '1970-01-01'))),
      } as never)
    case 'NUMERIC':
      return makeData({ ...base, data: decimals(texts, 9, 4) } as never)
    case 'BIGNUMERIC':
      return makeData({ ...base, data: decimals(texts, 38, 8) } as never)
    case 'INTERVAL':
      return makeData({ ...base, data: intervals(texts) } as never)
    default:
      return makeData({ ...base, data: BigInt64Array.from(texts, (text) => wholeOf(text, field.type)) } as never)
  }
}

const empty = Buffer.alloc(0)

/** INTEGER, TIMESTAMP, DATETIME and TIME as whole numbers. */
function wholeOf(text: string | null, type: string): bigint {
  if (text === null) return 0n
  if (type === 'DATETIME') return microsOf(text)!
  if (type !== 'TIME') return BigInt(text)
  const [, hour, minute, second, fraction = ''] = /^(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(text)!
  return (
    BigInt(Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  )
}

function daysOf(text: string): bigint {
  return microsOf(text)! / 86_400_000_000n
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1)
  for (const [index, length] of lengths.entries()) offsets[index + 1] = offsets[index]! + length
  return offsets
}

function bitmap(bits: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 64) * 8)
  for (const [index, bit] of bits.entries()) if (bit) bytes[index >> 3]! |= 1 << (index & 7)
  return bytes
}

/** Decimals as two's complement of so many 32-bit words. */
function decimals(texts: readonly (string | null)[], scale: number, words: number): Uint32Array {
  const data = new Uint32Array(texts.length * words)
  for (const [index, text] of texts.entries()) {
    let value = unscaled(text ?? '0', scale)
    for (let word = 0; word < words; word++) {
      data[index * words + word] = Number(BigInt.asUintN(32, value))
      value >>= 32n
    }
  }
  return data
}

function unscaled(text: string, scale: number): bigint {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text)!
  const shift = scale - fraction.length + Number(exponent)
  const digits = BigInt(`${whole}${fraction}` || '0')
  const value = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift)
  return sign ? -value : value
}

/** Intervals `Y-M D H:M:S.F` as months, days and nanoseconds. */
function intervals(texts: readonly (string | null)[]): Int32Array {
  const data = new Int32Array(texts.length * 4)
  const longs = new BigInt64Array(data.buffer)
  for (const [index, text] of texts.entries()) {
    if (text === null) continue
    const parts = /^(-?)(\d+)-(\d+) (-?\d+) (-?)(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(text)!
    const [, monthSign, years, months, days, timeSign, hours, minutes, seconds, fraction = ''] = parts
    data[index * 4] = (Number(years) * 12 + Number(months)) * (monthSign ? -1 : 1)
    data[index * 4 + 1] = Number(days)
    const whole = (BigInt(hours!) * 3600n + BigInt(minutes!) * 60n + BigInt(seconds!)) * 1_000_000_000n
    const nanos = whole + BigInt(fraction.padEnd(9, '0'))
    // The whole stream fails where Arrow's 64 bits of nanoseconds end.
    if (nanos > 2n ** 63n - 1n) throw new RangeError(`INTERVAL ${text} is out of the range of Arrow's interval type`)
    longs[index * 2 + 1] = timeSign ? -nanos : nanos
  }
  return data
}

function boundField(field: FieldSchema, index: number): FieldSchema {
  return { name: index === 0 ? 'start' : 'end', type: field.rangeElementType!.type, mode: 'NULLABLE' }
}

/** A part of a RECORD, or a bound of a RANGE `[start, end)`, where UNBOUNDED is null. */
function partOf(value: Value, index: number, field: FieldSchema): Value {
  if (value === null) return null
  if (field.type === 'RECORD') return (value as Row).f[index]!.v
  const bound = /^\[(.*), (.*)\)$/.exec(value as string)![index + 1]!
  if (bound === 'UNBOUNDED' || bound === 'NULL') return null
  return field.rangeElementType!.type === 'TIMESTAMP' && !/^-?\d+$/.test(bound) ? String(microsOf(bound)) : bound
}
