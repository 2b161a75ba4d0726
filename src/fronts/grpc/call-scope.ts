import type { GrpcCall } from '../../grpc/server/call.ts'
import { GatewayError } from '../../query/errors.ts'
import type { Context } from '../../query/types.ts'
import type { CallScope } from '../../statements/query-builder.ts'
import { readsDictionaries } from './client-dictionaries.ts'
import { announcedMessageBytesOf } from './client-limits.ts'
import type { CallSessions } from './session-cookie.ts'
import { SOURCE_HEADER } from './source-header.ts'

/** The header that enables or disables Arrow extension types for one call: `true` or `false`. */
export const LOSSLESS_TYPES_HEADER = 'x-flightgate-lossless-types'

/**
 * Combines a call's session options with the options in its headers and the limitations of its client.
 * @throws GatewayError BAD_REQUEST if a header of the gateway does not have its form
 */
export async function scopeOf(
  front: { readonly sessions: CallSessions },
  call: GrpcCall,
  ctx: Context,
): Promise<CallScope> {
  // The result's size is limited later, but a statement must not run for a call that cannot fetch its result.
  announcedMessageBytesOf(call.headers)
  const stored = await front.sessions.read(call, ctx)
  const session = readsDictionaries(call.headers) ? stored : { ...stored, dictionaries: false }
  const namedSource = call.header(SOURCE_HEADER)
  const header = call.header(LOSSLESS_TYPES_HEADER)
  if (header === undefined) return { ctx, namedSource, session }
  if (header !== 'true' && header !== 'false')
    throw new GatewayError('BAD_REQUEST', `The header ${LOSSLESS_TYPES_HEADER} must be true or false.`)
  return { ctx, namedSource, session: { ...session, losslessTypes: header === 'true' } }
}
