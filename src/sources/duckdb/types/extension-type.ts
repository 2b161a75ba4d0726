import type { Field } from '../../../arrow/schema.ts'

const NAME = 'ARROW:extension:name'
const DETAILS = 'ARROW:extension:metadata'

/** The name of the column's Arrow extension type, if any. */
export function extensionName({ metadata }: Field): string | undefined {
  return metadata.find(([key]) => key === NAME)?.[1]
}

/** The producer's name for its own type in `arrow.opaque`, such as DuckDB's `hugeint`. */
export function opaqueType(field: Field): string | undefined {
  if (extensionName(field) !== 'arrow.opaque') return undefined
  const details = field.metadata.find(([key]) => key === DETAILS)?.[1]
  try {
    return (JSON.parse(details ?? '{}') as { type_name?: string }).type_name
  } catch {
    return undefined
  }
}
