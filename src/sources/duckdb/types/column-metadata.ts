import type { Field } from '../../../arrow/schema.ts'
import { typeName } from './type-name.ts'

const PREFIX = 'ARROW:FLIGHT:SQL:'

/** Precision of the types that have a fixed one, in decimal digits; in bits for FLOAT and DOUBLE, as DuckDB reports them. */
export const decimalDigitsByType: Readonly<Record<string, number>> = {
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
 * A field with Flight SQL column metadata, which replaces values of the same keys.
 * Source: https://arrow.apache.org/docs/format/FlightSql.html (column metadata).
 */
export function withMetadata(field: Field, values: Readonly<Record<string, string>>): Field {
  const others = field.metadata.filter(([key]) => !key.startsWith(PREFIX) || !(key.slice(PREFIX.length) in values))
  const added = Object.entries(values).map(([key, value]) => [PREFIX + key, value] as const)
  return { ...field, metadata: [...others, ...added] }
}

/** Precision and scale of a column that is sent as a decimal. @param format Arrow format */
export function decimalDigits(format: string): { readonly precision: number; readonly scale: number } | undefined {
  if (!format.startsWith('d:')) return undefined
  const [precision, scale] = format.slice(2).split(',').map(Number)
  return { precision: precision!, scale: scale! }
}

/**
 * The Flight SQL column metadata that a result column's type determines.
 * @param field as DuckDB's lossless conversion gives it
 * @param format Arrow format in which the column is sent
 */
export function metadataOf(field: Field, format: string, readOnly: boolean): Readonly<Record<string, string>> {
  const name = typeName(field)
  const decimal = decimalDigits(format)
  const precision = decimal?.precision ?? decimalDigitsByType[name ?? '']
  return {
    ...(name !== undefined && { TYPE_NAME: name }),
    ...(precision !== undefined && { PRECISION: String(precision) }),
    ...(decimal && { SCALE: String(decimal.scale) }),
    ...(field.format === 'u' && { IS_CASE_SENSITIVE: '1' }),
    ...(readOnly && { IS_READ_ONLY: '1' }),
    IS_SEARCHABLE: '1',
  }
}
