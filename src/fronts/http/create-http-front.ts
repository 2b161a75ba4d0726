import type { IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { CACHE_HEADERS } from '../../statements/cache/cache-headers.ts'
import { ESTIMATE_HEADERS } from '../../statements/cost-headers.ts'
import { guardAdminRoutes } from './admin/admin-guard.ts'
import { addAdminRoutes } from './admin/admin-routes.ts'
import { addSourceAdminRoutes } from './admin/source-routes.ts'
import { compileValidator } from './body/compile-validator.ts'
import { readJsonBody } from './body/json-body.ts'
import { addAuthentication, addCallHooks, openCall, refuseQueryStrings } from './call/call-hooks.ts'
import { answerClientError, answerError } from './call/error-answers.ts'
import { limitHttpRequests, RATE_HEADERS } from './call/limit-requests.ts'
import { addConsole } from './console/add-console.ts'
import type { HttpFront } from './front.ts'
import type { HttpApp } from './http-app.ts'
import { addOpenApi } from './openapi/document.ts'
import { addBatchRoutes } from './routes/batch.ts'
import { addCacheRoutes } from './routes/cache.ts'
import { addControlRoutes } from './routes/control.ts'
import { addEstimateRoute } from './routes/estimate-cost.ts'
import { addEventsRoute } from './routes/events.ts'
import { addHistoryRoutes } from './routes/history.ts'
import { queryRoutes } from './routes/query.ts'
import { addReconcileRoute } from './routes/reconcile.ts'
import { addVersionRoute } from './routes/version.ts'

/** Node.js ends a connection without an answer this long after the time for a body is over. */
const CLOSE_MS = 5000

/** Interval at which Node.js looks for connections that are late with their headers or their body. */
const CHECK_MS = 1000

const corsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'QUERY', 'DELETE'],
  exposedHeaders: [
    'x-request-id',
    'traceparent',
    'retry-after',
    'x-flightgate-error',
    ...ESTIMATE_HEADERS,
    ...CACHE_HEADERS,
    ...RATE_HEADERS,
  ],
  maxAge: 600,
}

/** A server certificate with its key, as PEM. */
export interface HttpCertificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** As `Certificate.ca` of the gRPC server. */
  readonly ca?: Buffer
}

/**
 * Creates the application of the HTTP port: the API under `/api/v1`, the routes of operators under `/admin`, and the answers to all that fails. The caller adds the
 * routes for operators and listens.
 */
export function createHttpFront(front: HttpFront, tls?: HttpCertificate): FastifyInstance {
  const { limits, settings } = front
  const server = {
    maxHeaderSize: limits.maxMetadataBytes,
    headersTimeout: Math.min(limits.handshakeTimeoutMs, settings.bodyTimeoutMs),
    connectionsCheckingInterval: CHECK_MS,
  }
  const options = {
    logger: false,
    // `readJsonBody` has the limit.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    requestTimeout: settings.bodyTimeoutMs + CLOSE_MS,
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      openCall(front, request, reply)
      answerError(error, request, reply)
    },
  } as const
  // The authenticator judges certificates: the probes need none.
  const ask = { requestCert: tls?.ca !== undefined, rejectUnauthorized: false }
  // The HTTP and HTTPS servers differ in type only.
  const app = (tls
    ? fastify({ ...options, https: { ...server, ...tls, ...ask, handshakeTimeout: limits.handshakeTimeoutMs } })
    : fastify({ ...options, http: server })) as unknown as FastifyInstance
  app.addHttpMethod('QUERY', { hasBody: true, overrideExisting: true })
  app.decorateRequest('call')
  app.setErrorHandler(answerError)
  addCallHooks(app, front)
  // The schemas of answers are documentation; tests hold the answers to them.
  app.setSerializerCompiler(() => JSON.stringify)
  addOpenApi(app, { version: front.version, isOpen: front.authenticator.open })
  // Node.js closes a connection that is silent for its time limit; one with a call has limits of its own.
  app.server.on('timeout', (socket) => {
    if (!front.calls.hasCalls(socket)) socket.destroy()
  })
  app.server.on('connection', (socket) => front.calls.connections.admit(socket))
  app.server.on('checkContinue', (request, response) => app.routing(request, response))
  void app.register(async (api) => await addApi(api.withTypeProvider<ZodTypeProvider>(), front), { prefix: '/api/v1' })
  void app.register(async (admin) => await addAdmin(admin.withTypeProvider<ZodTypeProvider>(), front), {
    prefix: '/admin',
  })
  if (front.console) addConsole(app, front, front.console)
  return app
}

async function addApi(api: HttpApp, front: HttpFront): Promise<void> {
  const origins = [...front.settings.cors.origins]
  // Before the credentials are checked, which a preflight request does not carry.
  if (origins.length > 0) await api.register(cors, { ...corsOptions, origin: origins.includes('*') ? '*' : origins })
  addCallRules(api, front)
  refuseQueryStrings(api)
  queryRoutes(api, front)
  addEventsRoute(api, front)
  addBatchRoutes(api, front)
  addEstimateRoute(api, front)
  addControlRoutes(api, front)
  addHistoryRoutes(api, front)
  addReconcileRoute(api, front)
  addCacheRoutes(api, front)
  addVersionRoute(api, front)
}

async function addAdmin(admin: HttpApp, front: HttpFront): Promise<void> {
  addCallRules(admin, front)
  guardAdminRoutes(admin, front.administration)
  refuseQueryStrings(admin)
  // Bodies only narrow an action or give its reason.
  admin.addHook('preValidation', async (request) => {
    if (request.body === undefined) request.body = {}
  })
  addAdminRoutes(admin, front)
  addSourceAdminRoutes(admin, front)
}

/** What holds for every call of the API and of operators: credentials, allowance of requests, bodies in JSON. */
function addCallRules(app: HttpApp, front: HttpFront): void {
  addAuthentication(app, front)
  limitHttpRequests(app, front.quotas.requests)
  app.setValidatorCompiler(compileValidator)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async ({ call }: FastifyRequest, body: IncomingMessage) => {
    call.askForBody()
    return await readJsonBody(body, front.settings, call)
  })
}
