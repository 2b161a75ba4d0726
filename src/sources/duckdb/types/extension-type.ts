import type { Field } from '../../../arrow/schema.ts'

const NAME = 'ARROW:extension:name'
const DETAILS = 'ARROW:extension:metadata'

/** The name of the Arrow extension type that a column has, if any. */
export function extensionName({ metadata }: Field): string | undefined {
  return metadata.find(([key]) => key === NAME)?.[1]
}

/** The name that the producer gave to a type of its own (`arrow.opaque`), such as `hugeint` of DuckDB. */
export function opaqueType(field: Field): string | undefined {
  if (extensionName(field) !== 'arrow.opaque') return undefined
  const details = field.metadata.find(([key]) => key === DETAILS)?.[1]
  try {
    return (JSON.parse(details ?? '{}') as { type_name?: string }).type_name
  } catch {
    return undefined
  }
}
