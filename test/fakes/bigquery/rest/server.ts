import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { ApiError } from '../api-error.ts'
import type { FakeState } from '../state.ts'
import {
  deleteTable,
  getDataset,
  getRoutine,
  getTable,
  insertTable,
  listDatasets,
  listProjects,
  listRows,
  listTables,
} from './catalog.ts'
import { cancelJob, jobOf, listJobs } from './job-calls.ts'
import { insertJob, queryJob, queryResults } from './queries.ts'
import { jobView } from './views.ts'

interface Call {
  readonly state: FakeState
  /** Parts of the path in the order of the pattern. */
  readonly names: readonly string[]
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
}

interface Route {
  readonly method: string
  readonly verb: string
  readonly path: RegExp
  answer(call: Call): unknown
}

const project = '/projects/([^/]+)'
const dataset = `${project}/datasets/([^/]+)`
const table = `${dataset}/tables/([^/]+)`

function route(method: string, verb: string, path: string, answer: (call: Call) => unknown): Route {
  return { method, verb, path: new RegExp(`^${path}$`), answer }
}

function job({ state, names: [name, id], query }: Call) {
  return jobOf(state, name!, id!, query.get('location') ?? undefined)
}

const routes: readonly Route[] = [
  route('projects.list', 'GET', '/projects', ({ state, query }) => listProjects(state, query)),
  route('datasets.list', 'GET', `${project}/datasets`, ({ state, names, query }) =>
    listDatasets(state, names[0]!, query),
  ),
  route('datasets.get', 'GET', dataset, ({ state, names }) => getDataset(state, names[0]!, names[1]!)),
  route('tables.list', 'GET', `${dataset}/tables`, ({ state, names, query }) =>
    listTables(state, names[0]!, names[1]!, query),
  ),
  route('tables.insert', 'POST', `${dataset}/tables`, ({ state, names, body }) =>
    insertTable(state, names[0]!, names[1]!, body),
  ),
  route('tables.get', 'GET', table, ({ state, names }) => getTable(state, names[0]!, names[1]!, names[2]!)),
  route('routines.get', 'GET', `${dataset}/routines/([^/]+)`, ({ state, names }) =>
    getRoutine(state, names[0]!, names[1]!, names[2]!),
  ),
  route('tables.delete', 'DELETE', table, ({ state, names }) => deleteTable(state, names[0]!, names[1]!, names[2]!)),
  route('tabledata.list', 'GET', `${table}/data`, ({ state, names, query }) =>
    listRows(state, names[0]!, names[1]!, names[2]!, query),
  ),
  route('jobs.insert', 'POST', `${project}/jobs`, ({ state, names, body }) => insertJob(state, names[0]!, body)),
  route('jobs.list', 'GET', `${project}/jobs`, ({ state, names, query }) => listJobs(state, names[0]!, query)),
  route('jobs.get', 'GET', `${project}/jobs/([^/]+)`, (call) => jobView(job(call))),
  route('jobs.cancel', 'POST', `${project}/jobs/([^/]+)/cancel`, (call) => cancelJob(call.state, job(call))),
  route('jobs.query', 'POST', `${project}/queries`, ({ state, names, body, signal }) =>
    queryJob(state, names[0]!, body, signal),
  ),
  route('jobs.getQueryResults', 'GET', `${project}/queries/([^/]+)`, (call) =>
    queryResults(call.state, job(call), call.query, call.signal),
  ),
]

/** The REST API v2, under `/bigquery/v2` and under `/`, as clients address emulators. */
export function createRestServer(state: FakeState): Server {
  const server = createServer((request, response) => {
    void serve(state, request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  server.keepAliveTimeout = 60_000
  return server
}

async function serve(state: FakeState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url!, 'http://127.0.0.1')
  const path = url.pathname.replace(/^(\/bigquery\/v2)?\/?/, '/')
  const body = await bodyOf(request)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const found = routes.find(({ verb, path: pattern }) => verb === request.method && pattern.test(path))
  const method = found?.method ?? 'unknown'
  state.requests.push({ method, path: request.url!, headers: request.headers, body })
  const fault = state.faults.take(method, body)
  if (fault?.delayMs) await delay(fault.delayMs, undefined, { signal: gone.signal }).catch(() => {})
  if (fault && !fault.late) {
    if (fault.reset) return void request.socket.destroy()
    if (fault.text) return send(request, response, fault.text.status, fault.text.body)
    if (fault.error) return sendError(request, response, fault.error)
  }
  try {
    if (state.options.token && request.headers.authorization !== `Bearer ${state.options.token}`)
      throw new ApiError(
        401,
        'authError',
        'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
      )
    if (!found) throw new ApiError(404, 'notFound', `Not Found: ${request.method} ${path}`)
    const names = found.path.exec(path)!.slice(1).map(decodeURIComponent)
    const answer = await found.answer({ state, names, query: url.searchParams, body, signal: gone.signal })
    if (fault?.reset) return void request.socket.destroy()
    if (fault?.error) return sendError(request, response, fault.error)
    if (answer === undefined) response.writeHead(204).end()
    else send(request, response, 200, JSON.stringify(answer))
  } catch (error) {
    const failure =
      error instanceof ApiError ? error : new ApiError(500, 'internalError', `The stand-in failed: ${error}`)
    const status = failure.status === 200 ? 400 : failure.status
    const { error: body } = failure.body
    send(request, response, status, JSON.stringify({ error: { ...body, code: status } }))
  }
}

function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  { status, reason, message }: { status: number; reason: string; message: string },
): void {
  send(request, response, status, JSON.stringify(new ApiError(status, reason, message).body))
}

function send(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  const type = text.startsWith('{') ? 'application/json; charset=UTF-8' : 'text/html'
  const zip = text.length > 1000 && /gzip/.test(String(request.headers['accept-encoding'] ?? ''))
  const bytes = zip ? gzipSync(text, { level: 1 }) : Buffer.from(text)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    ...(zip && { 'content-encoding': 'gzip' }),
  })
  response.end(bytes)
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}
