import type { FastifyInstance } from 'fastify'

/** State of a source. */
export interface SourceReport {
  readonly source: string
  /** Result of its last health check; undefined before the first one. */
  readonly isUp: boolean | undefined
  /** Time of the last change, in Unix milliseconds. */
  readonly since: number
  /** Whether an operator has closed it to new statements. */
  readonly isDrained: boolean
}

/** State that the operational routes report. */
export interface HttpState {
  /** Why the process does not accept new work, in a few words; undefined if it does. */
  readonly obstacle: string | undefined
  readonly sources: readonly SourceReport[]
  /** The metrics in a text format that the header `accept` allows, with the content type. */
  metrics(accept: string | undefined): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * Adds the routes for operators: `/livez` (the process runs), `/readyz` (it accepts new work) and `/metrics`. `/readyz?verbose`
 * adds why the process is not ready, and a line per source; sources do not affect the status.
 * Source of the names: https://kubernetes.io/docs/reference/using-api/health-checks/.
 */
export function addProbes(app: FastifyInstance, state: HttpState): void {
  app.get('/livez', async () => 'ok\n')
  app.get('/readyz', async ({ query }, reply) => {
    const { obstacle } = state
    const isVerbose = Object.hasOwn(query as object, 'verbose')
    const reason = isVerbose ? `not ready: ${obstacle}` : 'not ready'
    const lines = [obstacle === undefined ? 'ready' : reason, ...(isVerbose ? state.sources.map(sourceLine) : [])]
    return reply.code(obstacle === undefined ? 200 : 503).send(`${lines.join('\n')}\n`)
  })
  app.get('/metrics', async ({ headers }, reply) => {
    const { contentType, body } = await state.metrics(headers.accept)
    return reply.header('content-type', contentType).send(body)
  })
}

/** Formats a source as the verbose checks of Kubernetes do; only the log says why a source does not answer. */
function sourceLine({ source, isUp, since, isDrained }: SourceReport): string {
  const drained = isDrained ? ', drained by an operator: it takes no new statements' : ''
  if (isUp === undefined) return `[ ] ${source} has not been checked yet${drained}`
  if (isUp) return isDrained ? `[-] ${source} answers${drained}` : `[+] ${source} ok`
  const down = `[-] ${source} does not answer since ${new Date(since).toISOString()}: the log says why`
  return down + drained
}
