import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

let gateway: GatewayProcess

const keyOf = (name: string) => `${name}-key-0123456789abcdef`
const apiKey = (name: string, roles: string[]) => ({
  name,
  key: `sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`,
  roles,
})

beforeAll(async () => {
  gateway = await GatewayProcess.start({
    auth: { apiKeys: [apiKey('ann', ['reader']), apiKey('bob', ['reader']), apiKey('root', ['reader', 'admin'])] },
    sources: { demo: { kind: 'duckdb' }, other: { kind: 'duckdb', writes: true } },
    defaultSource: 'demo',
    health: { intervalMs: 60_000 },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

const call = (name: string, path: string, init: RequestInit = {}) =>
  fetch(`http://${gateway.http}/api/v1${path}`, { ...init, headers: { 'x-api-key': keyOf(name) } })
const get = async (name: string, path: string) => await jsonOf(call(name, path))
const slow = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'
const start = (name: string) =>
  postJson(gateway, '/api/v1/query', { query: slow, timeout: '60s' }, { 'x-api-key': keyOf(name) })

describe('sources', () => {
  it('are listed in the order of the configuration', async () => {
    await expect.poll(async () => (await get('ann', '/sources')).sources[0].health).toBe('up')
    const { sources } = await get('ann', '/sources')
    expect(sources).toMatchObject([
      { name: 'demo', kind: 'duckdb', writes: false, default: true },
      { name: 'other', kind: 'duckdb', writes: true, default: false },
    ])
    expect(Date.parse(sources[0].health_since)).toBeGreaterThan(Date.now() - 600_000)
  })

  it('tell their slots', async () => {
    const source = await get('ann', '/sources/OTHER')
    expect(source).toMatchObject({ name: 'other', endpoints: [], slots: { used: 0, queued: 0 } })
    expect(source.slots.total).toBeGreaterThan(0)
  })

  it.each(['/sources/nope', '/sources/duckdb', '/sources/%F0%9F%92%A9'])('%s is unknown', async (path) => {
    const response = await call('ann', path)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'UNKNOWN_SOURCE' })
  })
})

describe('running statements', () => {
  it('are listed for their principal and for admins, and end as CANCELLED when they are deleted', async () => {
    const answer = start('ann')
    await expect.poll(async () => (await get('ann', '/queries')).queries.length).toBe(1)
    const [running] = (await get('ann', '/queries')).queries
    expect(running).toMatchObject({ principal: 'ann', data_source: 'demo', query: slow, rows: 0, bytes: 0 })
    expect(await get('bob', '/queries')).toEqual({ queries: [], partial: false })
    expect((await get('root', '/queries?principal=ann&data_source=demo')).queries).toMatchObject([{ id: running.id }])
    expect(await get('root', '/queries?data_source=other')).toEqual({ queries: [], partial: false })
    expect((await call('bob', '/queries?principal=ann')).status).toBe(403)
    expect((await call('root', '/queries?principal=nobody')).status).toBe(404)

    const foreign = await call('bob', `/queries/${running.id}`, { method: 'DELETE' })
    expect([foreign.status, (await jsonOf(foreign)).code]).toEqual([404, 'UNKNOWN_QUERY'])
    const cancelled = await call('ann', `/queries/${running.id}`, { method: 'DELETE' })
    expect([cancelled.status, await cancelled.text()]).toEqual([204, ''])
    await expect
      .poll(() => gateway.metric('flightgate_http_requests_total', { method: 'DELETE', status: '204' }))
      .toBe(1)
    expect(await (await answer).json()).toMatchObject({ code: 'CANCELLED' })
    expect((await call('ann', `/queries/${running.id}`, { method: 'DELETE' })).status).toBe(404)
  })

  it('an admin ends the statement of another principal', async () => {
    const answer = start('bob')
    await expect.poll(async () => (await get('root', '/queries')).queries.length).toBe(1)
    const [running] = (await get('root', '/queries')).queries
    expect((await call('root', `/queries/${running.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(await (await answer).json()).toMatchObject({ code: 'CANCELLED' })
  })

  it.each(['nope', '%00', 'a'.repeat(90)])('an unknown id (%s) is a problem', async (id) => {
    const response = await call('root', `/queries/${id}`, { method: 'DELETE' })
    expect([response.status, (await jsonOf(response)).code]).toEqual([404, 'UNKNOWN_QUERY'])
  })
})

describe('usage', () => {
  it("tells the caller's own figures of today", async () => {
    await (await postJson(gateway, '/api/v1/query', { query: 'SELECT 1' }, { 'x-api-key': keyOf('root') })).json()
    const usage = await get('root', '/usage')
    expect(usage).toMatchObject({ principal: 'root', requests_per_minute: null, bytes_per_day: null })
    expect(usage.since).toMatch(/T00:00:00\.000Z$/)
    expect(usage.sources).toMatchObject([{ data_source: 'demo', statements: 1, failed: 0, rows: 1, cost_usd: null }])
  })

  it('of others is for admins', async () => {
    expect(await get('root', '/usage?principal=ann')).toMatchObject({ principal: 'ann' })
    expect((await call('ann', '/usage?principal=bob')).status).toBe(403)
    const reconcile = await postJson(
      gateway,
      '/api/v1/costs/reconcile',
      { data_source: 'demo' },
      {
        'x-api-key': keyOf('ann'),
      },
    )
    expect(reconcile.status).toBe(403)
    expect((await call('root', '/usage?principal=nobody')).status).toBe(404)
    expect((await call('root', '/usage?unknown=1')).status).toBe(400)
  })
})

it('the version is that of the package', async () => {
  expect(await get('ann', '/version')).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
})

it.each(['/sources', '/sources/demo', '/queries', '/usage', '/version'])('%s needs credentials', async (path) => {
  const response = await fetch(`http://${gateway.http}/api/v1${path}`)
  expect([response.status, response.headers.get('content-type')]).toEqual([401, 'application/problem+json'])
})

describe('POST /api/v1/estimate-cost', () => {
  const estimate = async (body: unknown) => {
    const response = await postJson(gateway, '/api/v1/estimate-cost', body, { 'x-api-key': keyOf('ann') })
    return { status: response.status, ...(await jsonOf(response)) }
  }

  it('estimates one statement, with null for what is unknown', async () => {
    const answer = await estimate({ query: 'SELECT 1 AS x' })
    expect(answer).toMatchObject({ status: 200, data_source: 'demo', cost_usd: null })
    expect(['unknown', 'estimated', 'upper_bound', 'exact']).toContain(answer.accuracy)
    if (answer.accuracy === 'unknown') expect([answer.bytes, answer.rows]).toEqual([null, null])
  })

  it('estimates several statements, each with its id, and the total', async () => {
    const answer = await estimate({ queries: [{ id: 'a', query: 'SELECT 1' }, { query: 'SELEC 1' }] })
    expect(answer.results).toMatchObject([
      { id: 'a', error: null, estimate: { data_source: 'demo' } },
      { id: '1', estimate: null, error: { code: 'BAD_SQL' } },
    ])
    expect(answer.total).toMatchObject({ data_source: null, cost_usd: null })
  })

  it.each([
    ['nothing', {}],
    ['a statement and queries', { query: 'SELECT 1', queries: [] }],
    ['no queries', { queries: [] }],
    [
      'duplicate ids',
      {
        queries: [
          { id: 'a', query: 'SELECT 1' },
          { id: 'a', query: 'SELECT 1' },
        ],
      },
    ],
    ['101 queries', { queries: Array.from({ length: 101 }, () => ({ query: 'SELECT 1' })) }],
    ['an unknown member', { query: 'SELECT 1', nope: 1 }],
  ])('%s: 400', async (_, body) => {
    expect(await estimate(body)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
  })

  it('runs nothing', async () => {
    expect(await estimate({ query: slow })).toMatchObject({ status: 200 })
  })
})
