import type { Field } from '../../../arrow/schema.ts'
import { typeName } from './type-name.ts'

const PREFIX = 'ARROW:FLIGHT:SQL:'

/** Digits of the types of fixed precision; those of FLOAT and DOUBLE are bits, as DuckDB counts them. */
export const digits: Readonly<Record<string, number>> = {
  TINYINT: 3,
  UTINYINT: 3,
  SMALLINT: 5,
  USMALLINT: 5,
  INTEGER: 10,
  UINTEGER: 10,
  BIGINT: 19,
  UBIGINT: 20,
  HUGEINT: 39,
  UHUGEINT: 39,
  FLOAT: 24,
  DOUBLE: 53,
}

/**
 * A column with what Flight SQL clients read of it, in place of what they would have read so far.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (column metadata).
 */
export function withFacts(field: Field, facts: Readonly<Record<string, string>>): Field {
  const others = field.metadata.filter(([key]) => !key.startsWith(PREFIX) || !(key.slice(PREFIX.length) in facts))
  const own = Object.entries(facts).map(([key, value]) => [PREFIX + key, value] as const)
  return { ...field, metadata: [...others, ...own] }
}

/** Digits and scale of a column that is sent as a decimal. @param format of Arrow */
export function decimalDigits(format: string): { readonly precision: number; readonly scale: number } | undefined {
  if (!format.startsWith('d:')) return undefined
  const [precision, scale] = format.slice(2).split(',').map(Number)
  return { precision: precision!, scale: scale! }
}

/**
 * What is known of a column of a result by its type.
 * @param field as DuckDB's lossless conversion gives it
 * @param format in which it is sent
 */
export function factsOf(field: Field, format: string, readOnly: boolean): Readonly<Record<string, string>> {
  const name = typeName(field)
  const decimal = decimalDigits(format)
  const precision = decimal?.precision ?? digits[name ?? '']
  return {
    ...(name !== undefined && { TYPE_NAME: name }),
    ...(precision !== undefined && { PRECISION: String(precision) }),
    ...(decimal && { SCALE: String(decimal.scale) }),
    ...(field.format === 'u' && { IS_CASE_SENSITIVE: '1' }),
    ...(readOnly && { IS_READ_ONLY: '1' }),
    IS_SEARCHABLE: '1',
  }
}
