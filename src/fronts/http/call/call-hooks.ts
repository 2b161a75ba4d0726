import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../../../query/errors.ts'
import { acceptedType } from '../answer/accepted.ts'
import type { HttpFront } from '../front.ts'
import { AllowedMethods } from './allowed-methods.ts'
import { credentialsOf } from './credentials.ts'
import type { HttpCall } from './http-call.ts'
import { checkHost } from './local-host.ts'

/** Time in which a client may still send a body that nobody reads, in milliseconds; resetting at once would take its answer. */
const UNREAD_BODY_MS = 1000

/** Begins the call of a request, and sets the headers that every answer has. */
export function openCall({ calls }: HttpFront, request: FastifyRequest, reply: FastifyReply): HttpCall {
  const call = calls.open(request.raw, reply.raw)
  request.call = call
  reply
    .header('x-request-id', call.requestId)
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
  if (call.traceParent) reply.header('traceparent', call.traceParent.text)
  return call
}

/** Opens a call for each request, and refuses those that no route takes before any byte of their body is read. */
export function addCallHooks(app: FastifyInstance, front: HttpFront): void {
  const allowed = new AllowedMethods(app)
  app.addHook('onRequest', async (request, reply) => {
    // Node.js still delivers the requests of a connection that arrived in one piece.
    if (!front.calls.admit(request.raw.socket)) return reply.hijack()
    const call = openCall(front, request, reply)
    if (isBrowserAtRoot(request)) return await reply.redirect('docs', 303)
    if (request.is404) throw unknownRoute(request, reply, allowed)
    call.route = request.routeOptions.url
    return undefined
  })
  // Streamed answers have a limit of their own. Node.js restarts the time with each part that the socket takes.
  app.addHook('onSend', async (_request, { raw }) => {
    raw.setTimeout(front.limits.stallTimeoutMs, () => raw.socket?.destroy())
  })
  app.addHook('onResponse', async ({ raw }) => {
    if (raw.complete || raw.destroyed) return
    const timer = setTimeout(() => raw.socket.destroy(), UNREAD_BODY_MS)
    raw.once('close', () => clearTimeout(timer)).once('end', () => clearTimeout(timer))
  })
}

/**
 * Refuses a query string where the fields are in the body: with `?data_source=`, a statement would run, but elsewhere.
 * @throws GatewayError BAD_REQUEST
 */
export function refuseQueryStrings(api: FastifyInstance): void {
  api.addHook('onRequest', async ({ query, routeOptions }) => {
    const names = Object.keys(query as object)
    if (names.length === 0 || routeOptions.schema?.body === undefined) return
    const text = `The route takes no query string (${names[0]!.slice(0, 100)}): give the fields in the body.`
    throw new GatewayError('BAD_REQUEST', text)
  })
}

/** Checks the credentials of each request, before any byte of its body is read. Refuses all while the process drains. */
export function addAuthentication(api: FastifyInstance, front: HttpFront): void {
  const { drainGate, authenticator, settings } = front
  api.addHook('onRequest', async (request, reply) => {
    if (drainGate.closed) reply.header('connection', 'close')
    if (authenticator.open) checkHost(request.headers.host, settings.hosts)
    const found = authenticator.authenticate(credentialsOf(request, front.console !== undefined), request.raw.socket)
    const principal = found instanceof Promise ? await found : found
    // The client may have left, or its time may be over, while the gateway asked for the keys of an issuer.
    if (request.call.error) throw request.call.error
    request.call.authenticated(principal)
    drainGate.admit()
  })
}

/** Whether somebody opened the port in a browser, which prefers a page to a problem. */
function isBrowserAtRoot({ is404, method, url, headers }: FastifyRequest): boolean {
  if (!is404 || method !== 'GET' || url.split('?', 1)[0] !== '/') return false
  return acceptedType(headers.accept, ['application/problem+json', 'text/html']) === 'text/html'
}

function unknownRoute({ method, url }: FastifyRequest, reply: FastifyReply, allowed: AllowedMethods): GatewayError {
  const path = url.split('?', 1)[0]!
  const methods = allowed.of(path)
  if (methods.length === 0)
    return new GatewayError(
      'UNKNOWN_ROUTE',
      `There is no route ${path}: the page /docs shows those that exist, and so does /openapi.json.`,
    )
  reply.header('allow', methods.join(', '))
  return new GatewayError('WRONG_METHOD', `${path} does not have the method ${method}: use ${methods.join(' or ')}.`)
}
