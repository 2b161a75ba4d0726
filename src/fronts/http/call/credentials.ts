import type { FastifyRequest } from 'fastify'
import type { HeaderFields } from '../../../http2/index.ts'
import { cookieAuthorization } from '../console/console-cookie.ts'

/**
 * The headers of a request that carry its credentials. Node.js drops all but the first `authorization`, but two different ones are a
 * mistake.
 * @param takesCookie whether the token may be in the console's cookie
 */
export function credentialsOf({ raw }: FastifyRequest, takesCookie: boolean): HeaderFields {
  const { authorization = [] } = raw.headersDistinct
  if (authorization.length > 1) return { ...raw.headers, authorization: authorization.join(', ') }
  const ofConsole = takesCookie ? cookieAuthorization(raw.headers) : undefined
  return ofConsole === undefined ? raw.headers : { ...raw.headers, authorization: ofConsole }
}
