import type { LayoutPlan } from '../../arrow/layout-plan.ts'
import type { Field } from '../../arrow/schema.ts'
import { chunkPlan, isByteBoolean } from './wire-schema.ts'

const vectorFormats = new Set(['c', 'C', 's', 'S', 'i', 'I', 'l', 'L', 'f', 'g', 'tdD', 'ttu'])
/** Digits up to which DuckDB keeps a decimal in so many bytes; above the last it is as wide as Arrow's. */
const decimalWidths = [
  [4, 2],
  [9, 4],
  [18, 8],
] as const

/**
 * How DuckDB's own vectors of a column lie in memory, when they can be copied value by value without a conversion; else
 * undefined.
 * Source: https://duckdb.org/docs/stable/clients/c/vector; .../sql/data_types/numeric (widths of DECIMAL).
 */
export function vectorPlan(field: Field): LayoutPlan | undefined {
  const { format, dictionary, metadata } = field
  if (isByteBoolean(field)) return chunkPlan(field)
  if (dictionary || metadata.length > 0) return undefined
  if (format.startsWith('d:')) {
    const digits = Number(format.slice(2).split(',')[0])
    const narrow = decimalWidths.find(([most]) => digits <= most)
    return narrow ? { kind: 'narrowDecimal', width: narrow[1], children: [] } : chunkPlan(field)
  }
  return format.startsWith('ts') || vectorFormats.has(format) ? chunkPlan(field) : undefined
}
