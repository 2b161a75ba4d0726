import type { Field } from '../../../arrow/schema.ts'
import { extensionName, opaqueType } from './extension-type.ts'
import { isByteBoolean } from './wire-schema.ts'

/** Extension types whose every value DuckDB parses from text. */
const textual = new Set(['arrow.uuid', 'bit', 'time_tz', 'bignum'])
const integers = new Set(['hugeint', 'uhugeint'])

/**
 * The parameters' schema as clients get it. Some clients, such as the JDBC drivers, bind only the announced types, and know
 * only the types that every Arrow library has. A value of another type is bound as that type.
 */
export function announcedParameters(root: Field): Field {
  return { ...root, children: root.children.map(announcedField) }
}

function announcedField(field: Field): Field {
  const { name, format, nullable, children } = field
  const simpleField = (simpleFormat: string): Field => ({
    name,
    format: simpleFormat,
    nullable,
    metadata: [],
    children: [],
  })
  if (isByteBoolean(field)) return simpleField('b')
  const extension = opaqueType(field) ?? extensionName(field) ?? ''
  if (integers.has(extension)) return simpleField('d:38,0')
  // DuckDB casts no TIME to TIME_NS, and times in other units are bound as TIME.
  if (field.dictionary || textual.has(extension) || format.startsWith('ti') || format === 'ttn') return simpleField('u')
  return children.length === 0 ? field : { ...field, children: children.map(announcedField) }
}
