import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema, encodeSchema, type Field } from '../../../arrow/schema.ts'
import { headerOf } from '../../../grpc/server/metadata.ts'
import type { HeaderFields } from '../../../http2/index.ts'

/** The user agent of the JDBC drivers, which write milliseconds into times of whatever unit is announced. */
const writesMilliseconds = /grpc-java/

/**
 * The schema of the parameters as the client is told of it, so that it binds what its user meant.
 * @param schema bare flatbuffer `Message`
 */
export function parametersFor(headers: HeaderFields, schema: Uint8Array): Uint8Array {
  if (!writesMilliseconds.test(headerOf(headers, 'user-agent') ?? '')) return schema
  try {
    return encodeSchema(inMilliseconds(decodeSchema(schema)))
  } catch (error) {
    // What is not known here the client may know.
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
