import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ConsoleLogin, LOGIN_MS } from '../../../auth/oidc/console-login.ts'
import { httpErrorOf } from '../call/error-answers.ts'
import type { HttpFront } from '../front.ts'
import { cookieOf, cookiesOf, isSecure } from './console-cookie.ts'
import { storeLoginFailure } from './login-failure-cookie.ts'

/** Name of the cookie that ties a login to the browser that began it. */
const COOKIE = 'flightgate_login'
const hidden = { schema: { hide: true } }

/**
 * Adds the routes of a login at an OpenID Connect issuer: `/login/oidc` sends the browser there, and the issuer sends it back to
 * `/login/callback`, which stores the bearer token of the console. A login that fails leads back to the console, whose page tells why.
 */
export function addLoginRoutes(
  app: FastifyInstance,
  { authenticator, drainGate }: HttpFront,
  login: ConsoleLogin,
): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = httpErrorOf(thrown)
    // The answer is a redirect; the log tells the error.
    request.call.report(error)
    const { code, message } = error
    storeLoginFailure(login, { code, message, requestId: request.call.requestId }, request, reply)
    return await redirect(reply, '../')
  })
  app.get('/login/oidc', hidden, async (request, reply) => {
    drainGate.admit()
    const { url, ticket } = await login.begin()
    return await redirect(reply.header('set-cookie', loginCookie(ticket, request)), url)
  })
  app.get('/login/callback', hidden, async (request, reply) => {
    drainGate.admit()
    // Also if it fails: an answer of the issuer counts once.
    reply.header('set-cookie', loginCookie(undefined, request))
    const identity = await login.finish(request.raw.url!.split('?')[1] ?? '', cookieOf(request.headers, COOKIE))
    reply.header('set-cookie', cookiesOf(authenticator.issueToken(identity), request))
    // Relative, as all addresses of the console.
    return await redirect(reply, '../')
  })
}

function redirect(reply: FastifyReply, url: string): FastifyReply {
  return reply.header('referrer-policy', 'no-referrer').redirect(url, 303)
}

/** `Lax`, since the issuer sends the browser back from its own site. */
function loginCookie(ticket: string | undefined, request: FastifyRequest): string {
  const maxAgeS = ticket === undefined ? 0 : LOGIN_MS / 1000
  const secure = isSecure(request) ? '; Secure' : ''
  return `${COOKIE}=${ticket ?? ''}; Path=/console/login; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure}`
}
