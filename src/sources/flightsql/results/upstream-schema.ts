import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

/** Decoding a schema of this size, about 15,000 columns, blocks the event loop for about 10 ms. */
const MAX_CHECKED_BYTES = 1 << 20

/**
 * Checks that a schema of an upstream can be decoded, so that a malformed one fails here and not in a client. Unknown types
 * pass, and so do schemas above 1 MiB.
 * @param schema bare flatbuffer `Message`
 * @throws GrpcFailure DATA_LOSS
 */
export function checkSchema(schema: Uint8Array): void {
  if (schema.byteLength > MAX_CHECKED_BYTES) return
  try {
    decodeSchema(schema)
  } catch (error) {
    if (!(error instanceof ArrowError)) throw error
    if (error.code === 'MALFORMED') throw malformed('a schema is malformed', error)
  }
}

/**
 * Runs a reader of upstream data.
 * @throws GrpcFailure DATA_LOSS where `read` throws ArrowError
 */
export function readingUpstream<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof ArrowError ? malformed('an Arrow message is malformed', error) : error
  }
}

function malformed(what: string, cause: ArrowError): GrpcFailure {
  return new GrpcFailure('DATA_LOSS', `${what} (${cause.message})`, 'local', { cause })
}
