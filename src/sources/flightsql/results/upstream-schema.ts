import { ArrowError } from '../../../arrow/errors.ts'
import { decodeSchema } from '../../../arrow/schema.ts'
import { GrpcFailure } from '../../../grpc/client/failure.ts'

/** Decoding takes about 10 ms of the event loop for a schema of this size, some 15,000 columns. */
const MAX_CHECKED_BYTES = 1 << 20

/**
 * Checks that a schema of an upstream can be decoded, so that a malformed one ends here and not at a client. Types that are
 * not known here pass, and so do schemas above 1 MiB.
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
 * Reads something that an upstream has sent.
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
