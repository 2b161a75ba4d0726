import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { type Json, jsonOf, postJson } from './http-client.ts'

const ann = { 'x-api-key': 'key of ann' }
const ops = { 'x-api-key': 'key of ops' }
const root = { 'x-api-key': 'key of root' }
const sumOf = (values: (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
const known = (values: unknown[]) => values.filter((value) => value !== null)

describe('the history and the cache of two workers', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      workers: 2,
      health: { intervalMs: 1000, timeoutMs: 60_000 },
      sources: {
        demo: { kind: 'duckdb' },
        // Nothing listens on this port.
        history: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1' },
      },
      defaultSource: 'demo',
      auth: {
        apiKeys: [
          { name: 'ann', key: 'key of ann' },
          { name: 'ops', key: 'key of ops', roles: ['demo-operator'] },
          { name: 'root', key: 'key of root', roles: ['admin'] },
        ],
      },
      roles: { 'demo-operator': { grants: [{ verbs: ['operate'], sources: ['demo'] }] } },
    })
    for (let i = 0; i < 8; i++) await (await post(`SELECT ${i} AS i, repeat('x', ${i * 1000}) AS text`)).json()
    for (let i = 0; i < 3; i++) await (await post("SELECT 7 AS i, repeat('x', 7000) AS text")).json()
    await (await post('SELECT * FROM no_such_table')).json()
  })
  afterAll(() => gateway?.stop())

  const post = (query: string) => postJson(gateway, '/api/v1/query', { query }, ann)
  const get = async (path: string, headers: Record<string, string> = root): Promise<Json> =>
    await jsonOf(fetch(`http://${gateway.http}/api/v1${path}`, { headers }))
  const status = async (path: string, headers: Record<string, string>) =>
    (await fetch(`http://${gateway.http}/api/v1${path}`, { headers })).status

  it('tells the last hour of each source: statements, failures, rows, cache, health and breaker', async () => {
    let history: Json
    // Each worker takes a sample at every tenth second of the clock.
    const figures = async () => {
      history = await get('/history?step_seconds=60', ann)
      const [demo, down] = history.data_sources
      return [sumOf(demo.statements), known(demo.up).length > 0, known(down.up).length > 0]
    }
    await expect.poll(figures).toEqual([12, true, true])
    expect(history).toMatchObject({ step_seconds: 60, processes: 2, partial: false })
    const [demo, down] = history.data_sources
    expect([demo.name, down.name]).toEqual(['demo', 'history'])
    for (const values of Object.values(demo)) if (Array.isArray(values)) expect(values).toHaveLength(60)
    expect([sumOf(demo.failed), sumOf(demo.rows)]).toEqual([1, 11])
    expect(sumOf(demo.bytes)).toBeGreaterThan(20_000)
    expect(sumOf(demo.cache_hits) + sumOf(demo.cache_misses)).toBe(11)
    expect(sumOf(demo.cache_hits)).toBeGreaterThan(0)
    expect(new Set(known(demo.up))).toEqual(new Set([true]))
    expect(known(demo.breaker)).toEqual([])
    expect(known(down.up)).toContain(false)
    expect(known(down.breaker).length).toBeGreaterThan(0)
    expect(Math.max(...known(demo.slots).map(Number))).toBeGreaterThan(0)
    expect(known(history.process.event_loop_ms).length).toBeGreaterThan(0)
    expect(Math.max(...known(history.process.rss_bytes).map(Number))).toBeGreaterThan(50 << 20)
  })

  it('tells that of one source, also of one whose name is history', async () => {
    const one = await get('/sources/HISTORY/history?step_seconds=300')
    expect(one.data_source.name).toBe('history')
    expect(one.data_source.up).toHaveLength(12)
    // Each worker tells what it has found itself.
    await expect.poll(() => get('/sources/history')).toMatchObject({ name: 'history', health: 'down' })
    expect(await status('/sources/nope/history', root)).toBe(404)
    expect(await status('/history?step_seconds=7', root)).toBe(400)
    expect(await status('/history', {})).toBe(401)
  })

  it('lists the largest and the most used entries of the cache in all processes', async () => {
    const { entries, partial } = await get('/cache/entries?limit=3')
    expect(partial).toBe(false)
    expect(entries.map(({ query }: Json) => query)).toEqual(
      [7, 6, 5].map((i) => `SELECT ${i} AS i, repeat('x', ${i * 1000}) AS text`),
    )
    expect(entries[0]).toMatchObject({ data_source: 'demo', principal: 'ann', rows: 1, cache_key: null })
    expect(entries[0].bytes).toBeGreaterThan(7000)
    expect(Date.parse(entries[0].fresh_until)).toBeGreaterThan(Date.now())
    const used = await get('/cache/entries?order=hits&data_source=demo')
    expect(used.entries[0].query).toBe(entries[0].query)
    // Each worker may have missed once.
    expect(used.entries[0].hits).toBeGreaterThanOrEqual(2)
    expect(used.entries[0].hits + used.entries[0].copies).toBe(4)
    expect((await get('/cache/entries?data_source=history')).entries).toEqual([])
  })

  it('entries are for those who may operate their source', async () => {
    const { entries } = await get('/cache/entries', ops)
    expect(entries.length).toBeGreaterThan(7)
    const ids = (all: Json[]) => all.map(({ id }) => id)
    expect(ids((await get('/cache/entries?data_source=demo', ops)).entries)).toEqual(ids(entries))
    // Without a grant on it, the source does not exist for the principal.
    expect(await status('/cache/entries?data_source=history', ops)).toBe(404)
    expect((await get('/history', ops)).data_sources.map(({ name }: Json) => name)).toEqual(['demo'])
    expect(await status('/cache/entries', ann)).toBe(403)
    expect(await status('/cache/entries?limit=0', root)).toBe(400)
    expect(await status('/cache/entries?data_source=nope', root)).toBe(404)
  })
})
