/**
 * Expiry of a bearer token in Unix milliseconds. `Infinity` unless the token is a JSON Web Token with an expiry.
 * Source: RFC 7519, section 4.1.4 ("exp").
 */
export function bearerExpiry(authorization: string): number {
  const [, payload] = authorization.slice('Bearer '.length).split('.')
  if (payload === undefined) return Number.POSITIVE_INFINITY
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && exp > 0 ? exp * 1000 : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
