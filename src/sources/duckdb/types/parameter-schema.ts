import type { Field } from '../../../arrow/schema.ts'
import { extensionName, opaqueType } from './extension-type.ts'
import { isByteBoolean } from './wire-schema.ts'

/** Extension types of which DuckDB reads every value from text. */
const textual = new Set(['arrow.uuid', 'bit', 'time_tz', 'bignum'])
const integers = new Set(['hugeint', 'uhugeint'])

/**
 * The parameters as clients are told of them. Some, such as the JDBC drivers, can bind nothing but the types that are
 * announced, and know only those that every Arrow library has; whatever else comes is bound as what it is.
 */
export function announcedParameters(root: Field): Field {
  return { ...root, children: root.children.map(announced) }
}

function announced(field: Field): Field {
  const { name, format, nullable, children } = field
  const plain = (as: string): Field => ({ name, format: as, nullable, metadata: [], children: [] })
  if (isByteBoolean(field)) return plain('b')
  const extension = opaqueType(field) ?? extensionName(field) ?? ''
  if (integers.has(extension)) return plain('d:38,0')
  // A TIME_NS takes no TIME, which is what times in other units are.
  if (field.dictionary || textual.has(extension) || format.startsWith('ti') || format === 'ttn') return plain('u')
  return children.length === 0 ? field : { ...field, children: children.map(announced) }
}
