import { GatewayError } from '../../query/errors.ts'
import type { IssuerSettings } from './issuer-settings.ts'

/** Turns an error of jose into that of the client. An error of the gateway stays as it is. */
export function refusedToken(error: unknown, { name, audience, algorithms }: IssuerSettings): GatewayError {
  if (error instanceof GatewayError) return error
  const { code, claim } = error as { readonly code?: unknown; readonly claim?: unknown }
  if (code === 'ERR_JWT_EXPIRED')
    return new GatewayError('EXPIRED_TOKEN', `The token of the issuer ${name} has expired: get a new one there.`)
  return new GatewayError('UNAUTHENTICATED', reasonOf(code, claim, { name, audience, algorithms }), { cause: error })
}

function reasonOf(
  code: unknown,
  claim: unknown,
  { name, audience, algorithms }: Pick<IssuerSettings, 'name' | 'audience' | 'algorithms'>,
): string {
  switch (code) {
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      if (claim === 'aud') return `The token is for another audience: ask the issuer ${name} for one for ${audience}.`
      if (claim === 'nbf' || claim === 'iat')
        return `The token is not valid yet: the clocks of the issuer ${name} and of the gateway may differ.`
      return `The claim ${String(claim)} of the token is missing or wrong.`
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return `The token has a signature that is not allowed: ${algorithms.join(', ')} are.`
    case 'ERR_JWKS_NO_MATCHING_KEY':
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return `The token names no key of the issuer ${name}.`
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return `The signature of the token is not that of the issuer ${name}.`
    default:
      return 'The token is malformed.'
  }
}
