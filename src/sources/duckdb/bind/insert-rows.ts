import type { Field } from '../../../arrow/schema.ts'
import { Appender } from '../native/appender.ts'
import type { Address } from '../native/library.ts'
import { destroyType } from '../native/values.ts'
import { isUuid } from './parameter-scalar.ts'
import type { Parameters } from './parameters.ts'
import type { PlainInsert } from './plain-insert.ts'

/**
 * Inserts all rows of parameters at once, with the casts, defaults and constraints that executing the statement row by row
 * would apply. The rows are appended with the types that binding would give them, and inserted from there. Blocks. When it
 * throws, some rows may remain in the transaction.
 * @param onChunk called before each chunk; an error that it throws ends the insertion
 * @throws DuckDbError
 */
export function insertRows(
  connection: Address,
  { into }: PlainInsert,
  parameters: Parameters,
  onChunk: () => void,
): void {
  // Drop names and, but for UUID, extension types: binding ignores them.
  const fields = parameters.fields.map((field, i) => ({ ...boundField(field), name: String(i + 1) }))
  const types = parameters.types()
  try {
    const appender = new Appender(connection, { sql: `${into} SELECT * FROM appended_data`, types }, fields)
    try {
      for (const batch of parameters.written()) appender.append(batch, onChunk)
      appender.finish()
    } finally {
      appender.close()
    }
  } finally {
    for (const type of types) destroyType(type)
  }
}

function boundField(field: Field): Field {
  const { dictionary } = field
  return {
    ...field,
    metadata: isUuid(field) ? field.metadata : [],
    children: field.children.map(boundField),
    ...(dictionary && { dictionary: boundField(dictionary) }),
  }
}
