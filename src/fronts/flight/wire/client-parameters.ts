import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import { headerOf } from '../../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../../http2/index.ts'

/** User agent of the JDBC drivers, which write times in milliseconds, whatever unit the schema announces. */
const writesMilliseconds = /grpc-java/

/**
 * Returns the parameter schema for the client. The JDBC drivers get millisecond units, so that they bind correct times.
 * @param schema bare flatbuffer `Message`
 */
export function parametersFor(headers: HeaderFields, schema: Uint8Array): Uint8Array {
  if (!writesMilliseconds.test(headerOf(headers, 'user-agent') ?? '')) return schema
  try {
    return encodeSchema(inMilliseconds(decodeSchema(schema)))
  } catch (error) {
    // The client may know a type that the gateway does not.
    if (error instanceof ArrowError) return schema
    throw error
  }
}

function inMilliseconds(field: Field): Field {
  const { format } = field
  const isTime = format.startsWith('ts') || format.startsWith('tt')
  const children = field.children.map(inMilliseconds)
  return { ...field, children, ...(isTime && { format: `${format.slice(0, 2)}m${format.slice(3)}` }) }
}
