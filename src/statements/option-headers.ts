import { GatewayError } from '../query/errors.ts'
import type { StoredSession } from './sessions.ts'

/** The header that names the source of a call. */
export const SOURCE_HEADER = 'x-flightgate-source'

/** The header that enables or disables Arrow extension types for one call: `true` or `false`. */
export const LOSSLESS_TYPES_HEADER = 'x-flightgate-lossless-types'

/**
 * Returns the options of a call, with what the lossless header says.
 * @throws GatewayError BAD_REQUEST if the header does not have its form
 */
export function withLosslessTypes(session: StoredSession, header: string | undefined): StoredSession {
  if (header === undefined) return session
  if (header !== 'true' && header !== 'false')
    throw new GatewayError('BAD_REQUEST', `The header ${LOSSLESS_TYPES_HEADER} must be true or false.`)
  return { ...session, losslessTypes: header === 'true' }
}
