import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'
import type { CallScope } from '../../statements/query-builder.ts'
import type { FlightFront } from './front.ts'
import { SOURCE_HEADER } from './source-header.ts'
import { readsDictionaries } from './wire/client-dictionaries.ts'

/** The header that chooses for one call whether Arrow's extension types are used: `true` or `false`. */
export const LOSSLESS_TYPES_HEADER = 'x-flightgate-lossless-types'

/**
 * What a call's headers and its session say of the statement that it carries, and what its client cannot read.
 * @throws GatewayError BAD_REQUEST for a header that is neither `true` nor `false`
 */
export async function scopeOf(front: FlightFront, call: GrpcCall, ctx: Context): Promise<CallScope> {
  const stored = await front.sessions.read(call, ctx)
  const session = readsDictionaries(call.headers) ? stored : { ...stored, dictionaries: false }
  const namedSource = call.header(SOURCE_HEADER)
  const header = call.header(LOSSLESS_TYPES_HEADER)
  if (header === undefined) return { ctx, namedSource, session }
  if (header !== 'true' && header !== 'false')
    throw new GatewayError('BAD_REQUEST', `The header ${LOSSLESS_TYPES_HEADER} is true or false.`)
  return { ctx, namedSource, session: { ...session, losslessTypes: header === 'true' } }
}
