import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../../../auth/authenticator.ts'
import { mayControlOthers } from '../../../query/control/active-statements.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { Principal } from '../../../query/types.ts'
import { credentialsOf } from '../call/credentials.ts'
import { checkHost } from '../call/local-host.ts'
import type { HttpFront } from '../front.ts'
import { cookieAuthorization, cookiesOf, isConsoleCall } from './console-cookie.ts'

/** Who uses the console. */
export interface SessionJson {
  /** `none`: the gateway takes calls without credentials. `key`: somebody logs in with an API key. */
  readonly login: 'none' | 'key'
  /** Name of the issuer at which somebody may log in too, by `login/oidc`; null if there is none. */
  readonly sign_in: string | null
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
  const describe = (principal: Principal | undefined): SessionJson => ({
    login: authenticator.open ? 'none' : 'key',
    sign_in: consoleLogin?.name ?? null,
    principal: principal?.name ?? null,
    roles: principal?.roles ?? [],
    sees_others: principal !== undefined && mayControlOthers(principal),
    version,
  })

  app.get('/session', hidden, async ({ headers, raw: { socket } }) => {
    if (authenticator.open) return describe(await authenticator.authenticate({}, socket))
    const authorization = cookieAuthorization(headers)
    return describe(authorization === undefined ? undefined : await principalOf(authenticator, authorization, socket))
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
