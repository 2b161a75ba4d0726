/** A column of a table, with its type as DuckDB writes it. */
export interface TableColumn {
  readonly name: string
  readonly type: string
}

/** Bytes of a value of each type of fixed width, as DuckDB holds it uncompressed. */
const widths: Readonly<Record<string, number>> = {
  BOOLEAN: 1,
  TINYINT: 1,
  UTINYINT: 1,
  SMALLINT: 2,
  USMALLINT: 2,
  INTEGER: 4,
  UINTEGER: 4,
  BIGINT: 8,
  UBIGINT: 8,
  HUGEINT: 16,
  UHUGEINT: 16,
  FLOAT: 4,
  DOUBLE: 8,
  DATE: 4,
  TIME: 8,
  TIME_NS: 8,
  'TIME WITH TIME ZONE': 8,
  TIMESTAMP: 8,
  TIMESTAMP_S: 8,
  TIMESTAMP_MS: 8,
  TIMESTAMP_NS: 8,
  'TIMESTAMP WITH TIME ZONE': 8,
  INTERVAL: 16,
  UUID: 16,
}

/**
 * Bytes of a value of the type if all its values have the same width. An ENUM counts as 1 byte.
 * Source: https://duckdb.org/docs/stable/sql/data_types/overview.
 */
export function fixedWidth(type: string): number | undefined {
  const plain = Object.hasOwn(widths, type) ? widths[type] : undefined
  if (plain !== undefined) return plain
  if (type.startsWith('ENUM(')) return 1
  const digits = /^DECIMAL\((\d+),\d+\)$/.exec(type)
  if (digits) return decimalWidth(Number(digits[1]))
  const array = /^([^[]*)\[(\d+)\]$/.exec(type)
  const member = array && fixedWidth(array[1]!)
  return member === undefined || member === null ? undefined : member * Number(array![2])
}

function decimalWidth(digits: number): number {
  if (digits <= 4) return 2
  if (digits <= 9) return 4
  return digits <= 18 ? 8 : 16
}

/**
 * The SQL expression for the bytes of a value of a type without fixed width: the length of a text, the members of a list.
 * Other nested types count as the length of their text. Names the functions in full: a macro must not replace them.
 * @param value SQL of the value
 */
export function widthExpression(type: string, value: string): string {
  if (type === 'BLOB' || type === 'BIT') return `system.main.octet_length(${value})`
  const member = type.endsWith('[]') ? type.slice(0, -2) : undefined
  const memberWidth = member === undefined ? undefined : fixedWidth(member)
  if (memberWidth !== undefined) return `system.main.len(${value}) * ${memberWidth}`
  if (member === 'VARCHAR') return `system.main.strlen(system.main.array_to_string(${value}, ''))`
  return `system.main.strlen(${type === 'VARCHAR' ? value : `CAST(${value} AS VARCHAR)`})`
}
