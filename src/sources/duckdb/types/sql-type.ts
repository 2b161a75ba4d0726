import { ArrowError } from '../../../arrow/errors.ts'
import type { Field } from '../../../arrow/schema.ts'
import { quoteIdentifier } from '../sql/startup.ts'
import { extensionName, opaqueType } from './extension-type.ts'
import { namesByFormat } from './type-name.ts'

/**
 * DuckDB types by Arrow format. Adds formats that DuckDB reads but never exports, and replaces types that no created column
 * gets.
 */
const plain: Readonly<Record<string, string>> = {
  ...namesByFormat,
  n: 'INTEGER',
  e: 'FLOAT',
  U: 'VARCHAR',
  Z: 'BLOB',
  vu: 'VARCHAR',
  vz: 'BLOB',
  tdm: 'DATE',
  tts: 'TIME',
  ttm: 'TIME',
  ttn: 'TIME',
  tiM: 'INTERVAL',
  tiD: 'INTERVAL',
}
const extensions: Readonly<Record<string, string>> = { 'arrow.uuid': 'UUID', 'arrow.bool8': 'BOOLEAN' }
/** Types that DuckDB itself exports as `arrow.opaque`. */
const opaque: Readonly<Record<string, string>> = {
  hugeint: 'HUGEINT',
  uhugeint: 'UHUGEINT',
  bit: 'BIT',
  time_tz: 'TIMETZ',
}

/**
 * The DuckDB type of a column created for an Arrow field. A type without an exact counterpart loses nanoseconds or the zone,
 * see `docs/sources.md`.
 * Source: https://duckdb.org/docs/stable/sql/data_types/overview.
 * @throws ArrowError UNSUPPORTED
 */
export function sqlType(field: Field): string {
  if (field.dictionary) return sqlType(field.dictionary)
  const extension = extensionType(field)
  if (extension !== undefined) return extension
  const { format, children } = field
  const simple = plain[format]
  if (simple !== undefined) return simple
  if (format.startsWith('ts')) return 'TIMESTAMPTZ'
  if (format.startsWith('tD')) return 'INTERVAL'
  if (format.startsWith('w:')) return 'BLOB'
  if (format.startsWith('d:')) {
    const [precision, scale, bits = 128] = format.slice(2).split(',').map(Number)
    if (bits <= 128 && precision! <= 38 && scale! >= 0) return `DECIMAL(${precision}, ${scale})`
  }
  if (format === '+l' || format === '+L') return `${sqlType(children[0]!)}[]`
  if (format.startsWith('+w:')) return `${sqlType(children[0]!)}[${Number(format.slice(3))}]`
  if (format === '+s' && children.length > 0)
    return `STRUCT(${children.map((child) => `${quoteIdentifier(child.name)} ${sqlType(child)}`).join(', ')})`
  const entries = children[0]?.children
  if (format === '+m' && entries?.length === 2) return `MAP(${sqlType(entries[0]!)}, ${sqlType(entries[1]!)})`
  throw new ArrowError(
    'UNSUPPORTED',
    `The column "${field.name}" has the Arrow type ${format}, which cannot be ingested.`,
  )
}

function extensionType(field: Field): string | undefined {
  const name = extensionName(field)
  if (name === undefined) return undefined
  return name === 'arrow.opaque' ? opaque[opaqueType(field) ?? ''] : extensions[name]
}
