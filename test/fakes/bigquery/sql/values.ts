import type { FieldSchema, Row, Value } from '../schema.ts'

/** Orders two values of a type, null first. */
export function compare(left: Value, right: Value, type: string): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? -1 : 1
  if (type === 'INTEGER' || type === 'TIMESTAMP') return order(BigInt(left as string), BigInt(right as string))
  if (type === 'FLOAT') return order(Number(left), Number(right))
  if (type === 'NUMERIC' || type === 'BIGNUMERIC') return compareDecimals(left as string, right as string)
  return order(String(left), String(right))
}

function order<T extends bigint | number | string>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function compareDecimals(left: string, right: string): number {
  const digits = Math.max(...[left, right].map((text) => text.split('.')[1]?.length ?? 0))
  return order(scaled(left, digits), scaled(right, digits))
}

function scaled(text: string, digits: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(digits, '0'))
}

/** Whole microseconds since 1970 of a timestamp's text such as `2024-01-31 10:00:00.5+00`; undefined if it is none. */
export function microsOf(text: string): bigint | undefined {
  const match =
    /^(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,12}))?)?)? ?(Z|UTC|[+-]\d\d?(?::?\d\d)?)?$/i.exec(
      text.trim(),
    )
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d\d?):?(\d\d)?$/.exec(zone) ?? []
  const offset = sign ? (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1) : 0
  return BigInt(date.getTime() - offset * 60_000) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6) || '0')
}

/** A timestamp as REST sends it without `useInt64Timestamp`: seconds as a floating-point text. */
function secondsOf(micros: string): string {
  const seconds = Number(micros) / 1e6
  return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds)
}

/** A parameter or literal of a type in the form of result values. */
export function wireValue(text: string | null | undefined, type: string): Value {
  if (text === null || text === undefined) return null
  if (type === 'TIMESTAMP') return String(microsOf(text) ?? text)
  if (type === 'BOOLEAN') return text.toLowerCase()
  if (type === 'DATETIME') return text.replace(' ', 'T')
  return text
}

/** A row of result values in the REST form. */
export function restRow(values: readonly Value[]): Row {
  return { f: values.map((v) => ({ v })) }
}

/** How an answer writes timestamps; source: DataFormatOptions.timestamp_output_format of the API's proto. */
export type TimestampFormat = 'FLOAT64' | 'INT64' | 'ISO8601_STRING'

/** A value with its timestamps, which are whole microseconds, in the form that the request wants. */
export function withTimestamps(value: Value, field: FieldSchema, format: TimestampFormat): Value {
  if (value === null || format === 'INT64') return value
  if (Array.isArray(value))
    return value.map(({ v }) => ({ v: withTimestamps(v, { ...field, mode: 'NULLABLE' }, format) }))
  if (typeof value === 'object' && 'f' in value)
    return { f: value.f.map(({ v }, index) => ({ v: withTimestamps(v, field.fields![index]!, format) })) }
  if (field.type !== 'TIMESTAMP') return value
  return format === 'FLOAT64' ? secondsOf(value as string) : isoOf(value as string)
}

function isoOf(micros: string): string {
  const all = BigInt(micros)
  const seconds = all / 1_000_000n - (all % 1_000_000n < 0n ? 1n : 0n)
  const fraction = String(all - seconds * 1_000_000n).padStart(6, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}
