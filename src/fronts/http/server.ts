import fastify, { type FastifyInstance } from 'fastify'
import type { Certificate } from '../certificate.ts'

/** What the operational routes report. */
export interface HttpState {
  readonly ready: boolean
  /** The metrics in Prometheus' text format, with its content type. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * The HTTP port: `/livez` (the process runs), `/readyz` (it takes new work) and `/metrics`.
 * Source of the names: https://kubernetes.io/docs/reference/using-api/health-checks/.
 */
export function createHttpServer(
  state: HttpState,
  tls?: Certificate & { readonly handshakeTimeout: number },
): FastifyInstance {
  const options = { logger: false, bodyLimit: 1 << 20, requestTimeout: 30_000, forceCloseConnections: true } as const
  // The two kinds of server differ in type only.
  const app = (tls ? fastify({ ...options, https: { ...tls } }) : fastify(options)) as unknown as FastifyInstance
  app.get('/livez', async () => 'ok\n')
  app.get('/readyz', async (_request, reply) =>
    reply.code(state.ready ? 200 : 503).send(state.ready ? 'ready\n' : 'not ready\n'),
  )
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await state.metrics()
    return reply.header('content-type', contentType).send(body)
  })
  return app
}
