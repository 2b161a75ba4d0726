import { GatewayError } from '../query/errors.ts'
import { ESTIMATE_HEADER } from '../query/estimates/estimate-json.ts'
import type { Context } from '../query/types.ts'
import { callOptionsOf, withCallOptions } from './call-options.ts'
import type { StoredSession } from './sessions.ts'

/** The header that names the source of a call. */
export const SOURCE_HEADER = 'x-flightgate-source'

/** The header that enables or disables Arrow extension types for one call: `true` or `false`. */
export const LOSSLESS_TYPES_HEADER = 'x-flightgate-lossless-types'

/**
 * Returns the options of a call, with what its headers say of types, of what a statement may cost and of the result cache.
 * @param headerOf the value of a header
 * @throws GatewayError BAD_REQUEST if a header does not have its form
 */
export function withOptionHeaders(
  session: StoredSession,
  headerOf: (name: string) => string | undefined,
): StoredSession {
  const lossless = headerOf(LOSSLESS_TYPES_HEADER)
  const typed =
    lossless === undefined ? session : { ...session, losslessTypes: isTrue(LOSSLESS_TYPES_HEADER, lossless) }
  return withCallOptions(typed, callOptionsOf(headerOf))
}

/** The header with which a call runs only statements that read: `true` or `false`. */
export const READ_ONLY_HEADER = 'x-flightgate-read-only'

/** Whether a call runs only statements that read. @throws GatewayError BAD_REQUEST if the header does not have its form */
export function isReadOnly({ metadata }: Pick<Context, 'metadata'>): boolean {
  const header = metadata?.[READ_ONLY_HEADER]
  return header !== undefined && isTrue(READ_ONLY_HEADER, String(header))
}

/** Refuses to change data for a call that only reads. @throws GatewayError UNSAFE_STATEMENT, BAD_REQUEST */
export function checkMayChange(ctx: Pick<Context, 'metadata'>): void {
  if (isReadOnly(ctx)) throw new GatewayError('UNSAFE_STATEMENT')
}

/** What a call wants of the estimate of its statement: `only` the estimate, so that nothing runs. */
export type EstimateWish = 'no' | 'yes' | 'only'

/** Reads the header that asks for an estimate. @throws GatewayError BAD_REQUEST if it does not have its form */
export function estimateWishOf(header: string | undefined): EstimateWish {
  switch (header) {
    case undefined:
    case 'false':
      return 'no'
    case 'true':
      return 'yes'
    case 'only':
      return 'only'
    default:
      throw new GatewayError('BAD_REQUEST', `The header ${ESTIMATE_HEADER} must be true, only or false.`)
  }
}

/** Refuses to run a statement for a call that wants only its estimate. @throws GatewayError BAD_REQUEST */
export function checkMayRun({ metadata }: Pick<Context, 'metadata'>): void {
  const header = metadata?.[ESTIMATE_HEADER]
  if (header === undefined || ![header].flat().includes('only')) return
  throw new GatewayError(
    'BAD_REQUEST',
    `The header ${ESTIMATE_HEADER}: only lets nothing run: send it with GetFlightInfo, or leave it out to run the statement.`,
  )
}

function isTrue(name: string, header: string): boolean {
  if (header === 'true') return true
  if (header === 'false') return false
  throw new GatewayError('BAD_REQUEST', `The header ${name} must be true or false.`)
}
