/** A column as BigQuery's REST API describes it (TableFieldSchema). */
export interface FieldSchema {
  readonly name: string
  /** Standard or legacy name: INT64 or INTEGER, STRUCT or RECORD ... */
  readonly type: string
  readonly mode?: string
  readonly fields?: readonly FieldSchema[]
  readonly description?: string
  readonly rangeElementType?: { readonly type: string }
  readonly precision?: string
  readonly scale?: string
  readonly timestampPrecision?: string
}

/** A value as the REST API sends it: text, null, an array of cells, or a row of a RECORD; TIMESTAMP is whole microseconds. */
export type Value = string | null | readonly Cell[] | Row

/** One value of a row or of an array. */
export interface Cell {
  readonly v: Value
}

/** A row as the REST API sends it. */
export interface Row {
  readonly f: readonly Cell[]
}

const legacyNames: Readonly<Record<string, string>> = {
  INT64: 'INTEGER',
  INT: 'INTEGER',
  SMALLINT: 'INTEGER',
  BIGINT: 'INTEGER',
  FLOAT64: 'FLOAT',
  BOOL: 'BOOLEAN',
  STRUCT: 'RECORD',
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
}

/** The name that REST answers use for a type: INT64 is INTEGER there. */
export function restTypeName(type: string): string {
  const name = type.toUpperCase()
  return legacyNames[name] ?? name
}

/** The field with the type names that REST answers use, also inside RECORDs. */
export function restField(field: FieldSchema): FieldSchema {
  return {
    ...field,
    type: restTypeName(field.type),
    mode: field.mode ?? 'NULLABLE',
    ...(field.fields && { fields: field.fields.map(restField) }),
  }
}

const fixedSizes: Readonly<Record<string, number>> = {
  INTEGER: 8,
  FLOAT: 8,
  BOOLEAN: 1,
  DATE: 8,
  DATETIME: 8,
  TIMESTAMP: 8,
  TIME: 8,
  NUMERIC: 16,
  BIGNUMERIC: 32,
  INTERVAL: 16,
  RANGE: 16,
}

/** Logical size of a value in bytes; source: "Data type sizes" of BigQuery's pricing pages. NULL takes nothing. */
export function sizeOf(value: Value, field: FieldSchema): number {
  if (value === null) return 0
  if (Array.isArray(value)) return value.reduce((sum: number, cell: Cell) => sum + sizeOf(cell.v, single(field)), 0)
  if (typeof value === 'object' && 'f' in value)
    return value.f.reduce((sum, cell, index) => sum + sizeOf(cell.v, field.fields![index]!), 0)
  const text = value as string
  if (field.type === 'BYTES') return 2 + Buffer.byteLength(text, 'base64')
  return fixedSizes[field.type] ?? 2 + Buffer.byteLength(text)
}

/** The field of one element of a REPEATED field. */
export function single(field: FieldSchema): FieldSchema {
  return { ...field, mode: 'NULLABLE' }
}
