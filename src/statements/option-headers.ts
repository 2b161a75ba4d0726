import { GatewayError } from '../query/errors.ts'
import { ESTIMATE_HEADER } from '../query/estimates/estimate-json.ts'
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
  return { ...session, losslessTypes: isTrue(LOSSLESS_TYPES_HEADER, header) }
}

/** Whether a call asks for the estimate of its statement. @throws GatewayError BAD_REQUEST if the header does not have its form */
export function asksForEstimate(header: string | undefined): boolean {
  return header !== undefined && isTrue(ESTIMATE_HEADER, header)
}

function isTrue(name: string, header: string): boolean {
  if (header === 'true') return true
  if (header === 'false') return false
  throw new GatewayError('BAD_REQUEST', `The header ${name} must be true or false.`)
}
