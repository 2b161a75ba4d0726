import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { contextFor, openSource, queryOf, rowsOf } from './open-source.ts'

const servers: Server[] = []
const opened: { close(): Promise<void> }[] = []
afterAll(async () => {
  await Promise.all(opened.map((source) => source.close()))
  for (const server of servers) server.close().closeAllConnections()
})

type Answer = (method: string, path: string, response: ServerResponse) => object | undefined

/** A server that claims to be BigQuery, with the paths that it was asked for. */
async function serving(answer: Answer) {
  const paths: string[] = []
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const path = new URL(request.url!, 'http://server').pathname
    paths.push(path)
    const body = answer(request.method!, path, response)
    if (body) response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths }
}

function opening(endpoint: string, settings: object = {}) {
  const { source } = openSource({ endpoint, storageEndpoint: '127.0.0.1:1' }, { shortQueries: false, ...settings })
  opened.push(source)
  return source
}

it('no statement follows a redirect', async () => {
  const elsewhere = await serving(() => ({}))
  const { endpoint } = await serving((_method, path, response) => {
    response.writeHead(307, { location: elsewhere.endpoint + path }).end()
    return undefined
  })
  await expect(opening(endpoint).plan(queryOf('SELECT 1'), contextFor())).rejects.toMatchObject({
    code: 'UPSTREAM_FAILED',
  })
  expect(elsewhere.paths).toEqual([])
})

it.each(['..', '.', ''])('the name %j is no step in the path of a call', async (name) => {
  const { endpoint, paths } = await serving(() => ({}))
  const { catalog, cost } = opening(endpoint)
  const ctx = contextFor()
  expect(await catalog.hasSchema(name, ctx, 'test-project')).toBe(false)
  const entry = { catalog: 'test-project', schema: name, table: name, type: 'TABLE' }
  await expect(catalog.tableSchema(entry, ctx)).rejects.toMatchObject({ code: 'UNKNOWN_OBJECT' })
  expect(await cost.tableFacts(['test-project', name, 't'], ctx)).toBeUndefined()
  expect(paths).toEqual([])
})

const schema = { fields: [{ name: 'n', type: 'INT64' }] }
const job = (path: string) => ({
  jobReference: { projectId: 'test-project', jobId: path.split('/').at(-1), location: 'EU' },
  status: { state: 'DONE' },
  statistics: { query: { statementType: 'SELECT', totalBytesProcessed: '1', schema } },
})

it('a page that names itself as the next one ends the result', async () => {
  const { endpoint } = await serving((_method, path) =>
    path.includes('/queries/')
      ? { jobComplete: true, schema, rows: [{ f: [{ v: '1' }] }], totalRows: '9', pageToken: 'again' }
      : job(path),
  )
  const source = opening(endpoint, { storageApi: false })
  const plan = await source.plan(queryOf('SELECT n FROM d.t'), contextFor())
  const result = await source.run(plan as Parameters<typeof source.run>[0], contextFor())
  await expect(rowsOf(result)).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
})

it('an answer that comes byte by byte meets the time limit of a call', async () => {
  const { endpoint } = await serving((_method, _path, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
    return undefined
  })
  const source = opening(endpoint, { requestTimeoutMs: 200 })
  await expect(source.plan(queryOf('SELECT 1'), contextFor())).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
})
