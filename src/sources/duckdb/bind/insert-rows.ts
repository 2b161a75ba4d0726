import type { Field } from '../../../arrow/schema.ts'
import { Appender } from '../native/appender.ts'
import type { Address } from '../native/library.ts'
import { destroyType } from '../native/values.ts'
import { isUuid } from './parameter-scalar.ts'
import type { Parameters } from './parameters.ts'
import type { PlainInsert } from './plain-insert.ts'

/**
 * Inserts all rows of parameters at once, as the statement would one by one: with its casts, defaults and constraints.
 * They are appended with the types that they would be bound as, and inserted from there. Blocks; some rows may be left
 * in the transaction when it throws.
 * @param onChunk called every few rows; what it throws ends the insertion
 * @throws DuckDbError
 */
export function insertRows(
  connection: Address,
  { into }: PlainInsert,
  parameters: Parameters,
  onChunk: () => void,
): void {
  // The names, and what an extension type means to DuckDB, do not matter to what is bound.
  const fields = parameters.fields.map((field, i) => ({ ...bound(field), name: String(i + 1) }))
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

function bound(field: Field): Field {
  const { dictionary } = field
  return {
    ...field,
    metadata: isUuid(field) ? field.metadata : [],
    children: field.children.map(bound),
    ...(dictionary && { dictionary: bound(dictionary) }),
  }
}
