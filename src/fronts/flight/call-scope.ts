import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'
import type { FlightFront } from './front.ts'
import type { StoredSession } from './session-cookie.ts'

/** The header that chooses for one call whether Arrow's extension types are used: `true` or `false`. */
export const LOSSLESS_TYPES_HEADER = 'x-flightgate-lossless-types'

/**
 * The options in force for a call: those of its session, and what its headers say in their place.
 * @throws GatewayError BAD_REQUEST for a header that is neither `true` nor `false`
 */
export async function sessionOf(front: FlightFront, call: GrpcCall, ctx: Context): Promise<StoredSession> {
  const session = await front.sessions.read(call, ctx)
  const header = call.header(LOSSLESS_TYPES_HEADER)
  if (header === undefined) return session
  if (header !== 'true' && header !== 'false')
    throw new GatewayError('BAD_REQUEST', `The header ${LOSSLESS_TYPES_HEADER} is true or false.`)
  return { ...session, losslessTypes: header === 'true' }
}
