import type { Value } from '../schema.ts'
import type { Typed } from './context.ts'
import { asType } from './operators.ts'
import { compare } from './values.ts'

/** Functions of constants and of rows that the stand-in evaluates, by upper-case name. */
export const scalarFunctions: Readonly<Record<string, (args: readonly Typed[]) => Value>> = {
  LOWER: ([text]) => (text!.value === null ? null : String(text!.value).toLowerCase()),
  UPPER: ([text]) => (text!.value === null ? null : String(text!.value).toUpperCase()),
  CONCAT: (args) => (args.some(({ value }) => value === null) ? null : args.map(({ value }) => value).join('')),
  LENGTH: ([text]) => (text!.value === null ? null : String([...String(text!.value)].length)),
  COALESCE: (args) => args.find(({ value }) => value !== null)?.value ?? null,
  IFNULL: ([first, second]) => first!.value ?? second!.value,
  CURRENT_DATE: () => new Date().toISOString().slice(0, 10),
  CURRENT_TIMESTAMP: () => String(BigInt(Date.now()) * 1000n),
  DATE: ([value]) => dateOf(value!),
  TIMESTAMP: ([value]) => asType(value!, 'TIMESTAMP'),
  IF: ([test, yes, no]) => (test!.value === 'true' ? yes!.value : no!.value),
  NULLIF: ([first, second]) => (first!.value === second!.value ? null : first!.value),
  STARTS_WITH: ([text, prefix]) => String(String(text!.value).startsWith(String(prefix!.value))),
  FORMAT_DATE: ([format, date]) =>
    date!.value === null ? null : formatDate(String(format!.value), String(date!.value)),
  SESSION_USER: () => 'user@example.com',
}

function formatDate(format: string, date: string): string {
  const [year, month, day] = date.split('-')
  return format.replace(/%([Ymd])/g, (_, part: string) => ({ Y: year, m: month, d: day })[part] ?? '')
}

/** The date of a value that is one, a timestamp or a datetime. */
export function dateOf({ value, field }: Typed): Value {
  if (value === null) return null
  if (field.type === 'TIMESTAMP') return new Date(Number(BigInt(value as string) / 1000n)).toISOString().slice(0, 10)
  return String(value).slice(0, 10)
}

/** Type of a function's result by its upper-case name, if its arguments do not tell. */
export const resultTypes: Readonly<Record<string, string>> = {
  COUNT: 'INTEGER',
  COUNTIF: 'INTEGER',
  LENGTH: 'INTEGER',
  APPROX_COUNT_DISTINCT: 'INTEGER',
  ROW_NUMBER: 'INTEGER',
  RANK: 'INTEGER',
  EXTRACT: 'INTEGER',
  DATE_DIFF: 'INTEGER',
  AVG: 'FLOAT',
  SQRT: 'FLOAT',
  RAND: 'FLOAT',
  LOWER: 'STRING',
  UPPER: 'STRING',
  CONCAT: 'STRING',
  SUBSTR: 'STRING',
  FORMAT: 'STRING',
  SESSION_USER: 'STRING',
  GENERATE_UUID: 'STRING',
  CURRENT_DATE: 'DATE',
  DATE: 'DATE',
  CURRENT_TIMESTAMP: 'TIMESTAMP',
  TIMESTAMP: 'TIMESTAMP',
  CURRENT_DATETIME: 'DATETIME',
  DATETIME: 'DATETIME',
  STARTS_WITH: 'BOOLEAN',
  REGEXP_CONTAINS: 'BOOLEAN',
  EXISTS: 'BOOLEAN',
  TO_JSON: 'JSON',
  PARSE_JSON: 'JSON',
}

/** Functions whose result has the type of their first argument. */
export const keepsType = new Set([
  'MIN',
  'MAX',
  'SUM',
  'ANY_VALUE',
  'COALESCE',
  'IFNULL',
  'NULLIF',
  'ABS',
  'DATE_ADD',
  'DATE_SUB',
  'DATE_TRUNC',
  'TIMESTAMP_ADD',
  'TIMESTAMP_SUB',
  'TIMESTAMP_TRUNC',
  'LAG',
  'LEAD',
  'FIRST_VALUE',
  'LAST_VALUE',
])

/** Aggregates over the values of a group, by upper-case name. */
export const aggregates: Readonly<Record<string, (values: readonly Value[], type: string) => Value>> = {
  COUNT: (values) => String(values.filter((value) => value !== null).length),
  MIN: (values, type) => extreme(values, type, -1),
  MAX: (values, type) => extreme(values, type, 1),
  SUM: (values, type) => sum(values, type),
  AVG: (values) => {
    const numbers = values.filter((value) => value !== null).map(Number)
    return numbers.length === 0 ? null : String(numbers.reduce((total, value) => total + value, 0) / numbers.length)
  },
  ANY_VALUE: (values) => values[0] ?? null,
}

/** Aggregates that are known by name only. */
export const aggregateNames = new Set([
  ...Object.keys(aggregates),
  'COUNTIF',
  'ARRAY_AGG',
  'STRING_AGG',
  'APPROX_COUNT_DISTINCT',
  'STDDEV',
  'VARIANCE',
  'LOGICAL_AND',
  'LOGICAL_OR',
])

function extreme(values: readonly Value[], type: string, sign: number): Value {
  let best: Value = null
  for (const value of values)
    if (value !== null && (best === null || compare(value, best, type) * sign > 0)) best = value
  return best
}

function sum(values: readonly Value[], type: string): Value {
  const present = values.filter((value) => value !== null) as string[]
  if (present.length === 0) return null
  if (type === 'INTEGER') return String(present.reduce((total, value) => total + BigInt(value), 0n))
  return String(present.reduce((total, value) => total + Number(value), 0))
}
