/**
 * When a bearer token ends, in Unix milliseconds; `Infinity` when it does not say so. Only JSON Web Tokens do.
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
