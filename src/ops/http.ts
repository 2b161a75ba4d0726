import fastify, { type FastifyInstance } from 'fastify'

/** What the operational routes report. */
export interface HttpState {
  readonly ready: boolean
  /** How each source was found when it was last looked at. */
  readonly sources: readonly { readonly source: string; readonly isUp: boolean | undefined; readonly since: number }[]
  /** The metrics in Prometheus' text format, with its content type. */
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * The HTTP port: `/livez` (the process runs), `/readyz` (it takes new work; with `?verbose` a line a source, which changes
 * nothing in the status) and `/metrics`.
 * Source of the names: https://kubernetes.io/docs/reference/using-api/health-checks/.
 */
export function createHttpServer(
  state: HttpState,
  tls?: { readonly cert: Buffer; readonly key: Buffer; readonly handshakeTimeout: number },
): FastifyInstance {
  const options = { logger: false, bodyLimit: 1 << 20, requestTimeout: 30_000, forceCloseConnections: true } as const
  // The two kinds of server differ in type only.
  const app = (tls ? fastify({ ...options, https: { ...tls } }) : fastify(options)) as unknown as FastifyInstance
  app.get('/livez', async () => 'ok\n')
  app.get('/readyz', async ({ query }, reply) => {
    const lines = Object.hasOwn(query as object, 'verbose') ? state.sources.map(sourceLine) : []
    return reply.code(state.ready ? 200 : 503).send(`${[state.ready ? 'ready' : 'not ready', ...lines].join('\n')}\n`)
  })
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await state.metrics()
    return reply.header('content-type', contentType).send(body)
  })
  return app
}

/** A source as Kubernetes' own verbose checks show theirs; why it does not answer is for the log. */
function sourceLine({ source, isUp, since }: HttpState['sources'][number]): string {
  if (isUp === undefined) return `[ ] ${source} has not been looked at`
  return isUp
    ? `[+] ${source} ok`
    : `[-] ${source} does not answer since ${new Date(since).toISOString()}: the log says why`
}
