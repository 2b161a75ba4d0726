import { headerOf, partsOf } from '../grpc/server/metadata.ts'
import type { HeaderFields } from '../http2/index.ts'
import { GatewayError } from '../query/errors.ts'

/** The headers that may carry credentials. */
export const CREDENTIAL_HEADERS = ['authorization', 'x-api-key', 'auth-token-bin'] as const

/** What a call presents: an API key, or a key or token of any kind. */
export interface Credential {
  readonly secret: string
  /** Whether only an API key may stand there. */
  readonly isKey: boolean
}

const scheme = /^(bearer|basic) /i

/**
 * Reads the credentials of a call: `x-api-key`, `authorization: Bearer` with a key or a token, `authorization: Basic` with either
 * as the password, or a token in `auth-token-bin`. Undefined if there are none.
 * @throws GatewayError UNAUTHENTICATED if `authorization` has another form
 */
export function credentialOf(headers: HeaderFields): Credential | undefined {
  const apiKey = headerOf(headers, 'x-api-key')
  if (apiKey !== undefined) return { secret: apiKey, isKey: true }
  const authorization = headerOf(headers, 'authorization')
  if (authorization !== undefined) return { secret: secretOf(authorization), isKey: false }
  const legacyToken = headerOf(headers, 'auth-token-bin')
  if (legacyToken !== undefined) return { secret: Buffer.from(legacyToken, 'base64').toString(), isKey: false }
  return undefined
}

/** The error of a call that sets a header twice, with different values. */
export function severalValues(name: string): GatewayError {
  return new GatewayError(
    'UNAUTHENTICATED',
    `The call carries different values of ${name}: set it in one place, the client's options or an interceptor.`,
  )
}

function secretOf(authorization: string): string {
  if (
    authorization.includes(',') &&
    partsOf(authorization)
      .slice(1)
      .some((part) => scheme.test(part))
  )
    throw severalValues('authorization')
  const space = authorization.indexOf(' ')
  const kind = authorization.slice(0, space).toLowerCase()
  const value = authorization.slice(space + 1).trim()
  if (kind === 'bearer') return value
  if (kind === 'basic') {
    const text = Buffer.from(value, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon >= 0) return text.slice(colon + 1)
  }
  throw new GatewayError('UNAUTHENTICATED', 'The authorization header must be "Bearer <token or key>" or "Basic ...".')
}
