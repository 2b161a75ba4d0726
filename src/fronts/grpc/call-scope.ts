import type { GrpcCall } from '../../grpc/server/call.ts'
import type { Context } from '../../query/types.ts'
import { SOURCE_HEADER, withOptionHeaders } from '../../statements/option-headers.ts'
import type { CallScope } from '../../statements/query-builder.ts'
import { readsDictionaries } from './client-dictionaries.ts'
import { announcedMessageBytesOf } from './client-limits.ts'
import type { CallSessions } from './session-cookie.ts'

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
  return { ctx, namedSource, session: withOptionHeaders(session, (name) => call.header(name)) }
}
