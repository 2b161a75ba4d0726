import type { LayoutPlan } from '../../../arrow/batches/layout-plan.ts'
import type { Field } from '../../../arrow/schema.ts'
import { extensionName } from '../types/extension-type.ts'
import { plainType, type TypeForm } from '../types/plain-type.ts'
import { chunkPlan, isByteBoolean } from '../types/wire-schema.ts'

/**
 * DuckDB types whose vectors may be copied as they are. The Arrow format alone does not tell: Arrow's time may come from a
 * TIME WITH TIME ZONE, and strings from UUIDs, whose vectors differ.
 * Source: `duckdb_type`, https://duckdb.org/docs/stable/clients/c/types.
 */
const Type = { boolean: 1, tinyint: 2, time: 14, hugeint: 16, varchar: 17, blob: 18, decimal: 19 } as const
const TIMESTAMP_TYPES = [20, 21, 22, 31]
const plainTypes = new Set<number>([Type.hugeint, Type.decimal, ...TIMESTAMP_TYPES])
for (let type: number = Type.tinyint; type <= Type.time; type++) plainTypes.add(type)

const vectorFormats = new Set(['c', 'C', 's', 'S', 'i', 'I', 'l', 'L', 'f', 'g', 'tdD', 'ttu'])
/** Most digits of a decimal that DuckDB stores in 2, 4 and 8 bytes; with more digits it is as wide as Arrow's. */
const decimalWidths = [
  [4, 2],
  [9, 4],
  [18, 8],
] as const

/**
 * The layout of DuckDB's vectors of a column, if they can be copied value by value without a conversion; else undefined.
 * @param type the column's DuckDB type
 * @param form see `wireSchema`
 * Source: https://duckdb.org/docs/stable/clients/c/vector; .../sql/data_types/numeric (widths of DECIMAL).
 */
export function vectorPlan(field: Field, type: number, form: TypeForm): LayoutPlan | undefined {
  const { format, dictionary, metadata } = field
  if (type === Type.boolean && isByteBoolean(field)) return chunkPlan(field, form)
  if (type === Type.hugeint) return plainType(field, form)?.plan
  if (dictionary || metadata.length > 0 || !plainTypes.has(type)) return undefined
  if (format.startsWith('d:')) {
    const digits = Number(format.slice(2).split(',')[0])
    const narrowWidth = decimalWidths.find(([most]) => digits <= most)
    return narrowWidth ? { kind: 'narrowDecimal', width: narrowWidth[1], children: [] } : chunkPlan(field, form)
  }
  return format.startsWith('ts') || vectorFormats.has(format) ? chunkPlan(field, form) : undefined
}

/**
 * Whether a column holds strings or blobs that DuckDB exports with 32-bit offsets and without an extension type. JSON is
 * allowed, since its values are plain strings.
 */
export function isPlainText(field: Field, type: number): boolean {
  const { format, dictionary, metadata } = field
  if (type !== Type.varchar && type !== Type.blob) return false
  if (metadata.length > 0 && extensionName(field) !== 'arrow.json') return false
  return !dictionary && (format === 'u' || format === 'z')
}
