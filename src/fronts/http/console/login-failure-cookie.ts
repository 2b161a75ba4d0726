import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ConsoleLogin, FAILURE_MS, type LoginFailure } from '../../../auth/oidc/console-login.ts'
import { cookieOf, isSecure } from './console-cookie.ts'

/** Name of the cookie that tells the page to log in why a login at an issuer has failed. */
const COOKIE = 'flightgate_login_failure'

/** Stores why a login has failed, until the page asks. */
export function storeLoginFailure(
  login: ConsoleLogin,
  failure: LoginFailure,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  reply.header('set-cookie', cookie(login.sealFailure(failure), FAILURE_MS / 1000, request))
}

/** Why the login of this browser has failed, once; undefined if it has not. */
export function takeLoginFailure(
  login: ConsoleLogin | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): LoginFailure | undefined {
  const sealed = cookieOf(request.headers, COOKIE)
  if (!login || !sealed) return undefined
  reply.header('set-cookie', cookie('', 0, request))
  return login.openFailure(sealed)
}

/** `Lax`: the answer that stores it may have been asked for by the issuer's site. */
function cookie(value: string, maxAgeS: number, request: FastifyRequest): string {
  const secure = isSecure(request) ? '; Secure' : ''
  return `${COOKIE}=${value}; Path=/console/session; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure}`
}
