import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../../../auth/authenticator.ts'
import type { LoginFailure } from '../../../auth/oidc/console-login.ts'
import { mayControlOthers } from '../../../query/control/active-statements.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Principal } from '../../../query/types.ts'
import { credentialsOf } from '../call/credentials.ts'
import { checkHost } from '../call/local-host.ts'
import type { HttpFront } from '../front.ts'
import { cookieAuthorization, cookiesOf, isConsoleCall } from './console-cookie.ts'
import { takeLoginFailure } from './login-failure-cookie.ts'

/** Why a login at the issuer has failed. */
export interface SignInError {
  /** Code of the error table. */
  readonly code: string
  /** The reason in a sentence. */
  readonly detail: string
  readonly request_id: string
}

/** Who uses the console. */
export interface SessionJson {
  /** `none`: the gateway takes calls without credentials. `key`: somebody logs in with an API key. */
  readonly login: 'none' | 'key'
  /** Whether there are API keys to log in with. */
  readonly has_keys: boolean
  /** Name of the issuer at which somebody may log in too, by `login/oidc`; null if there is none. */
  readonly sign_in: string | null
  /** Why the last login at the issuer has failed, told once; null if it has not. */
  readonly sign_in_error: SignInError | null
  /** Null until somebody has logged in. */
  readonly principal: string | null
  readonly roles: readonly string[]
  /** Whether the principal sees and ends the statements of others. */
  readonly sees_others: boolean
  /** Version of the gateway. */
  readonly version: string
}

const hidden = { schema: { hide: true } }

/** Adds the routes that tell who uses the console (GET), log in with the credentials of the request (POST), and log out (DELETE). */
export function addSessionRoutes(
  app: FastifyInstance,
  { authenticator, consoleLogin, drainGate, settings, version }: HttpFront,
): void {
  app.addHook('onRequest', async ({ headers }) => {
    if (authenticator.open) checkHost(headers.host, settings.hosts)
    if (isConsoleCall(headers)) return
    throw new GatewayError(
      'FORBIDDEN',
      'Only the console calls this route: other clients send their key with each call.',
    )
  })
  const describe = (principal: Principal | undefined, failure?: LoginFailure): SessionJson => ({
    login: authenticator.open ? 'none' : 'key',
    has_keys: authenticator.hasApiKeys,
    sign_in: consoleLogin?.name ?? null,
    sign_in_error:
      failure && !principal ? { code: failure.code, detail: failure.message, request_id: failure.requestId } : null,
    principal: principal?.name ?? null,
    roles: principal?.roles ?? [],
    sees_others: principal !== undefined && mayControlOthers(principal),
    version,
  })

  app.get('/session', hidden, async (request, reply) => {
    const { headers, raw } = request
    const { socket } = raw
    if (authenticator.open) return describe(await authenticator.authenticate({}, socket))
    const failure = takeLoginFailure(consoleLogin, request, reply)
    const authorization = cookieAuthorization(headers)
    return describe(
      authorization === undefined ? undefined : await principalOf(authenticator, authorization, socket),
      failure,
    )
  })
  app.post('/session', hidden, async (request, reply) => {
    drainGate.admit()
    const identity = await authenticator.identify(credentialsOf(request, true), request.raw.socket)
    if (!authenticator.open) reply.header('set-cookie', cookiesOf(authenticator.issueToken(identity), request))
    return describe(identity.principal)
  })
  app.delete('/session', hidden, async (request, reply) => {
    reply.header('set-cookie', cookiesOf(undefined, request))
    return describe(undefined)
  })
}

/** The principal of a token; undefined if the token has expired or is of a key that is no more. */
async function principalOf(
  authenticator: Authenticator,
  authorization: string,
  socket: Socket,
): Promise<Principal | undefined> {
  try {
    return await authenticator.authenticate({ authorization }, socket)
  } catch (error) {
    if (error instanceof GatewayError && error.http === 401) return undefined
    throw error
  }
}
