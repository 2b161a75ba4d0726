import type { Field } from '../../arrow/schema.ts'
import { isByteBoolean } from './wire-schema.ts'

/**
 * Whether DuckDB's own vectors of these columns are laid out as Arrow's, value by value, so that they can be copied
 * without a conversion. DECIMAL is only when it is as wide as Arrow's.
 * Source: https://duckdb.org/docs/stable/clients/c/vector.
 */
export function isVectorLayout(root: Field): boolean {
  return (
    root.children.length > 0 &&
    root.children.every((field) => {
      const { format, dictionary, metadata } = field
      if (isByteBoolean(field)) return true
      if (dictionary || metadata.length > 0) return false
      if (format.startsWith('ts')) return true
      if (format.startsWith('d:')) return Number(format.slice(2).split(',')[0]) > MAX_DECIMAL_64_PRECISION
      return vectorFormats.has(format)
    })
  )
}

const MAX_DECIMAL_64_PRECISION = 18
const vectorFormats = new Set(['c', 'C', 's', 'S', 'i', 'I', 'l', 'L', 'f', 'g', 'tdD', 'ttu'])
