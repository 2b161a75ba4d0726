import type { Field } from '../../../arrow/schema.ts'
import { extensionName, opaqueType } from './extension-type.ts'

/** DuckDB's type names by Arrow format, for formats without parameters and timestamps without zone. */
export const namesByFormat: Readonly<Record<string, string>> = {
  n: '"NULL"',
  b: 'BOOLEAN',
  c: 'TINYINT',
  C: 'UTINYINT',
  s: 'SMALLINT',
  S: 'USMALLINT',
  i: 'INTEGER',
  I: 'UINTEGER',
  l: 'BIGINT',
  L: 'UBIGINT',
  f: 'FLOAT',
  g: 'DOUBLE',
  u: 'VARCHAR',
  z: 'BLOB',
  tdD: 'DATE',
  ttu: 'TIME',
  ttn: 'TIME_NS',
  tin: 'INTERVAL',
  'tss:': 'TIMESTAMP_S',
  'tsm:': 'TIMESTAMP_MS',
  'tsu:': 'TIMESTAMP',
  'tsn:': 'TIMESTAMP_NS',
}
const extensions: Readonly<Record<string, string>> = {
  'arrow.uuid': 'UUID',
  'arrow.bool8': 'BOOLEAN',
  'arrow.json': 'JSON',
  'geoarrow.wkb': 'GEOMETRY',
}
const opaque: Readonly<Record<string, string>> = {
  hugeint: 'HUGEINT',
  uhugeint: 'UHUGEINT',
  bignum: 'BIGNUM',
  bit: 'BIT',
  time_tz: 'TIME WITH TIME ZONE',
}

/**
 * DuckDB's name for the type of a column that it exported as this Arrow field, as `duckdb_columns()` writes it, but an ENUM
 * without its values. Undefined for a field that DuckDB does not export.
 */
export function typeName(field: Field): string | undefined {
  if (field.dictionary) return 'ENUM'
  const extension = extensionName(field)
  const named = extension === 'arrow.opaque' ? opaque[opaqueType(field) ?? ''] : extensions[extension ?? '']
  if (named !== undefined) return named
  const { format, children } = field
  if (namesByFormat[format] !== undefined) return namesByFormat[format]
  if (format.startsWith('ts')) return 'TIMESTAMP WITH TIME ZONE'
  if (format.startsWith('d:')) return `DECIMAL(${format.slice(2).split(',', 2).join(',')})`
  const members = children.map(typeName)
  if (format === '+l') return `${members[0]}[]`
  if (format.startsWith('+w:')) return `${members[0]}[${format.slice(3)}]`
  if (format === '+m') return `MAP(${children[0]!.children.map(typeName).join(', ')})`
  const pairs = children.map(({ name }, i) => `${quoteIfNeeded(name)} ${members[i]}`).join(', ')
  if (format === '+s') return `STRUCT(${pairs})`
  return format.startsWith('+us:') ? `UNION(${pairs})` : undefined
}

function quoteIfNeeded(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
