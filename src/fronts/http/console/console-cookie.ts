import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { CREDENTIAL_HEADERS } from '../../../auth/credentials.ts'

/** Name of the cookie that holds the console's bearer token. */
const COOKIE = 'flightgate_console'

/** The header with which the console marks its calls. Pages of other origins cannot send it without a preflight request. */
export const CONSOLE_HEADER = 'x-flightgate-console'

/** The only paths to which a browser sends the cookie. */
const PATHS = ['/api/v1', '/admin', '/console']

/** Whether the console sent the request: no page of another site can have done so. */
export function isConsoleCall(headers: IncomingHttpHeaders): boolean {
  // Browsers set this one themselves. Where it is missing, the header alone tells.
  const site = headers['sec-fetch-site'] ?? 'same-origin'
  return headers[CONSOLE_HEADER] === '1' && site === 'same-origin'
}

/** The value of a cookie; undefined if the request has none of that name. */
export function cookieOf({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined {
  const pairs = cookie.split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/**
 * The bearer token of the console's cookie, as the header `authorization` would carry it. The cookie counts only in calls of the
 * console that carry no other credentials; so a page of another site, for which the browser adds the cookie, gains nothing.
 */
export function cookieAuthorization(headers: IncomingHttpHeaders): string | undefined {
  if (!isConsoleCall(headers) || CREDENTIAL_HEADERS.some((name) => headers[name] !== undefined)) return undefined
  const token = cookieOf(headers, COOKIE)
  return token ? `Bearer ${token}` : undefined
}

/**
 * The values of `set-cookie` that store a bearer token until the browser ends, or remove it. The token has a lifetime of its own.
 * @param token undefined removes the cookie
 */
export function cookiesOf(token: string | undefined, request: FastifyRequest): string[] {
  const attributes = `HttpOnly; SameSite=Strict${isSecure(request) ? '; Secure' : ''}${token === undefined ? '; Max-Age=0' : ''}`
  return PATHS.map((path) => `${COOKIE}=${token ?? ''}; Path=${path}; ${attributes}`)
}

/** Whether the browser reaches the gateway over TLS. A proxy that ends TLS tells so; a client that pretends it only harms itself. */
export function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https'
}
