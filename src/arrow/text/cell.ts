import { type Data, type DataType, type Field, Type } from 'apache-arrow'
import { extensionNameOf, extensionText } from './extension-text.ts'

/** Writes a cell as JSON text; numbers keep all digits. */
export type CellWriter = (data: Data, row: number) => string

const NULL = 'null'
const unitsPerSecond = [1n, 1_000n, 1_000_000n, 1_000_000_000n]
const fractionDigits = [0, 3, 6, 9]

/**
 * Returns a writer for the cells of a column as JSON: integers and decimals with all digits, dates and times as ISO 8601 text,
 * binary as base64, maps as lists of pairs, intervals as ISO 8601 durations, known extension types as the values they represent.
 * @param column name for errors, if the field is a member of a column
 * @throws Error for a type without a text form
 */
export function cellWriter({ type, metadata, name }: Field, column: string = name): CellWriter {
  return nullable(valueWriter(type, column, extensionNameOf(metadata)))
}

function nullable(value: CellWriter): CellWriter {
  return (data, row) => (data.getValid(row) ? value(data, row) : NULL)
}

/** Converts a JSON cell to plain text: strings lose their quotes. */
export function plainText(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json
}

function valueWriter(type: DataType, column: string, extension?: string): CellWriter {
  const { text, isNumber } = extensionText(extension) ?? {}
  const ofExtension = text && ((value: Uint8Array) => (isNumber ? text(value) : JSON.stringify(text(value))))
  switch (type.typeId) {
    case Type.Null:
      return () => NULL
    case Type.Int:
      if (extension === 'arrow.bool8') return (data, row) => String(data.values[row] !== 0)
      return (data, row) => String(data.values[row])
    case Type.Float:
      return floatWriter((type as unknown as { precision: number }).precision)
    case Type.Bool:
      return (data, row) => String(((data.values[(data.offset + row) >> 3]! >> ((data.offset + row) & 7)) & 1) === 1)
    case Type.Utf8:
    case Type.LargeUtf8:
      return (data, row) => JSON.stringify(bytesOf(data, row).toString('utf8'))
    case Type.Binary:
    case Type.LargeBinary:
      if (ofExtension) return (data, row) => ofExtension(bytesOf(data, row))
      return (data, row) => JSON.stringify(bytesOf(data, row).toString('base64'))
    case Type.FixedSizeBinary: {
      const { byteWidth } = type as unknown as { byteWidth: number }
      const write = ofExtension ?? ((value) => JSON.stringify(Buffer.from(value).toString('base64')))
      return (data, row) => write(data.values.subarray(row * byteWidth, (row + 1) * byteWidth))
    }
    case Type.Decimal:
      return decimalWriter(type as unknown as { scale: number; bitWidth: number })
    case Type.Date: {
      const days = (type as unknown as { unit: number }).unit === 0
      return (data, row) =>
        JSON.stringify(dateText(days ? BigInt(data.values[row]) : floorDivide(int64At(data, row), 86_400_000n)))
    }
    case Type.Time: {
      const { unit, bitWidth } = type as unknown as { unit: number; bitWidth: number }
      return (data, row) =>
        JSON.stringify(timeText(bitWidth === 64 ? int64At(data, row) : BigInt(data.values[row]), unit))
    }
    case Type.Timestamp: {
      const { unit, timezone } = type as unknown as { unit: number; timezone: string | null }
      return (data, row) => JSON.stringify(timestampText(int64At(data, row), unit) + (timezone ? 'Z' : ''))
    }
    case Type.Duration: {
      const { unit } = type as unknown as { unit: number }
      return (data, row) => JSON.stringify(`PT${secondsText(int64At(data, row), unit)}S`)
    }
    case Type.Interval:
      return intervalWriter((type as unknown as { unit: number }).unit)
    case Type.List:
      return listWriter(type, column)
    case Type.FixedSizeList: {
      const { listSize } = type as unknown as { listSize: number }
      const item = cellWriter(type.children[0]!, column)
      return (data, row) => joined(item, data.children[0]!, row * listSize, (row + 1) * listSize)
    }
    case Type.Struct: {
      const members = type.children.map((child) => [JSON.stringify(child.name), cellWriter(child, column)] as const)
      return (data, row) =>
        `{${members.map(([name, write], i) => `${name}:${write(data.children[i]!, row)}`).join(',')}}`
    }
    case Type.Map: {
      const [key, value] = type.children[0]!.type.children.map((child: Field) => cellWriter(child, column))
      return (data, row) => {
        const entries = data.children[0]!
        const pair: CellWriter = (_, i) => `[${key!(entries.children[0]!, i)},${value!(entries.children[1]!, i)}]`
        return joined(pair, entries, offsetAt(data, row), offsetAt(data, row + 1))
      }
    }
    case Type.Union: {
      const members = type.children.map((child) => cellWriter(child, column))
      const { typeIdToChildIndex } = type as unknown as { typeIdToChildIndex: Record<number, number> }
      return (data, row) => {
        const child = typeIdToChildIndex[data.typeIds[row]!]!
        const at = data.valueOffsets?.length > 0 ? data.valueOffsets[row]! : row
        return members[child]!(data.children[child]!, at)
      }
    }
    case Type.Dictionary: {
      const { dictionary } = type as unknown as { dictionary: DataType }
      const item = nullable(valueWriter(dictionary, column))
      return (data, row) => {
        let index = Number(data.values[row])
        for (const chunk of data.dictionary?.data ?? []) {
          if (index < chunk.length) return item(chunk, index)
          index -= chunk.length
        }
        return NULL
      }
    }
    default:
      throw new Error(`the column "${column}" has the type ${type}, which has no text form: cast it in the query`)
  }
}

function floatWriter(precision: number): CellWriter {
  return (data, row) => {
    const value = precision === 0 ? halfFloat(Number(data.values[row])) : Number(data.values[row])
    return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
  }
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

function decimalWriter({ scale, bitWidth }: { scale: number; bitWidth: number }): CellWriter {
  const words = bitWidth / 32
  return (data, row) => {
    let value = 0n
    for (let i = words - 1; i >= 0; i--) value = (value << 32n) | BigInt((data.values[row * words + i] as number) >>> 0)
    value = BigInt.asIntN(bitWidth, value)
    const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
    const whole = scale > 0 ? `${digits.slice(0, -scale)}.${digits.slice(-scale)}` : digits
    return (value < 0n ? '-' : '') + whole + (scale < 0 ? `e${-scale}` : '')
  }
}

function listWriter(type: DataType, column: string): CellWriter {
  const item = cellWriter(type.children[0]!, column)
  return (data, row) => joined(item, data.children[0]!, offsetAt(data, row), offsetAt(data, row + 1))
}

function intervalWriter(unit: number): CellWriter {
  return (data, row) => {
    if (unit === 0) return JSON.stringify(`P${data.values[row]}M`)
    if (unit === 1)
      return JSON.stringify(`P${data.values[2 * row]}DT${secondsText(BigInt(data.values[2 * row + 1]), 1)}S`)
    const words = data.values as Int32Array
    const nanos = (BigInt(words[4 * row + 3]!) << 32n) | BigInt(words[4 * row + 2]! >>> 0)
    return JSON.stringify(`P${words[4 * row]}M${words[4 * row + 1]}DT${secondsText(BigInt.asIntN(64, nanos), 3)}S`)
  }
}

function joined(item: CellWriter, data: Data, from: number, to: number): string {
  let out = '['
  for (let i = from; i < to; i++) out += (i > from ? ',' : '') + item(data, i)
  return `${out}]`
}

function offsetAt(data: Data, row: number): number {
  return Number(data.valueOffsets[row])
}

function bytesOf(data: Data, row: number): Buffer {
  const bytes = data.values as Uint8Array
  const from = offsetAt(data, row)
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, offsetAt(data, row + 1) - from)
}

/** Reads a 64-bit value, which apache-arrow stores as one BigInt or as two 32-bit words. */
function int64At(data: Data, row: number): bigint {
  const values = data.values as BigInt64Array | Int32Array
  if (values instanceof BigInt64Array || (values as unknown) instanceof BigUint64Array) return BigInt(values[row]!)
  return BigInt.asIntN(64, (BigInt(values[2 * row + 1]!) << 32n) | BigInt((values[2 * row] as number) >>> 0))
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

/** A date of the proleptic Gregorian calendar. Years outside 0 to 9999 have a sign and six digits, as ISO 8601 requires. */
function dateText(daysSince1970: bigint): string {
  // Howard Hinnant's civil-from-days: https://howardhinnant.github.io/date_algorithms.html
  const z = daysSince1970 + 719_468n
  const era = floorDivide(z, 146_097n)
  const dayOfEra = z - era * 146_097n
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n)
  const shifted = (5n * dayOfYear + 2n) / 153n
  const day = dayOfYear - (153n * shifted + 2n) / 5n + 1n
  const month = shifted < 10n ? shifted + 3n : shifted - 9n
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n)
  const two = (part: bigint) => String(part).padStart(2, '0')
  const years =
    year >= 0n && year <= 9999n
      ? String(year).padStart(4, '0')
      : (year < 0n ? '-' : '+') + String(year < 0n ? -year : year).padStart(6, '0')
  return `${years}-${two(month)}-${two(day)}`
}

function timeText(value: bigint, unit: number): string {
  const perSecond = unitsPerSecond[unit]!
  const seconds = value / perSecond
  const two = (part: bigint) => String(part).padStart(2, '0')
  const fraction = fractionDigits[unit]! > 0 ? `.${String(value % perSecond).padStart(fractionDigits[unit]!, '0')}` : ''
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction}`
}

function timestampText(value: bigint, unit: number): string {
  const perDay = 86_400n * unitsPerSecond[unit]!
  const days = floorDivide(value, perDay)
  return `${dateText(days)}T${timeText(value - days * perDay, unit)}`
}

function secondsText(value: bigint, unit: number): string {
  const perSecond = unitsPerSecond[unit]!
  const absolute = value < 0n ? -value : value
  const fraction = absolute % perSecond
  const text = `${absolute / perSecond}${fraction > 0n ? `.${String(fraction).padStart(fractionDigits[unit]!, '0').replace(/0+$/, '')}` : ''}`
  return value < 0n ? `-${text}` : text
}
