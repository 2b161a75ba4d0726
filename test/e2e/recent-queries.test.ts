import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql } from './gateway-stub.ts'
import { type Json, jsonOf, postJson } from './http-client.ts'

const ann = { 'x-api-key': 'key of ann' }
const bob = { 'x-api-key': 'key of bob' }
const root = { 'x-api-key': 'key of root' }

describe('statements that have ended, in two workers', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      workers: 2,
      sources: { demo: { kind: 'duckdb' }, other: { kind: 'duckdb' } },
      defaultSource: 'demo',
      auth: {
        apiKeys: [
          { name: 'ann', key: 'key of ann' },
          { name: 'bob', key: 'key of bob' },
          { name: 'root', key: 'key of root', roles: ['admin'] },
        ],
      },
    })
  })
  afterAll(() => gateway?.stop())

  /** The list of both workers: without what a worker has that took too long to answer, the list is partial. */
  const recent = async (headers: Record<string, string>, query = ''): Promise<Json[]> =>
    await waitFor(async () => {
      const answer = await jsonOf(fetch(`http://${gateway.http}/api/v1/queries/recent${query}`, { headers }))
      return answer.partial ? undefined : answer.queries
    }, 'the lists of both workers')
  /** The recent statements with this text, once so many have ended. */
  const allEnded = async (text: string, count: number): Promise<Json[]> =>
    await waitFor(async () => {
      const found = (await recent(root)).filter(({ query }) => query === text)
      return found.length === count ? found : undefined
    }, `the end of ${text}`)
  const ended = async (text: string) => (await allEnded(text, 1))[0]
  const post = (query: string, headers: Record<string, string>, more: object = {}) =>
    postJson(gateway, '/api/v1/query', { query, ...more }, headers)

  it('of HTTP: the time is split into parts, with rows, bytes and the front', async () => {
    const text = 'SELECT range AS a FROM range(5000)'
    expect((await jsonOf(await post(text, ann))).rows).toHaveLength(5000)
    const statement = await ended(text)
    expect(statement).toMatchObject({
      principal: 'ann',
      data_source: 'demo',
      outcome: 'OK',
      message: null,
      front: 'http',
      rows: 5000,
      billed_bytes: null,
      cost_usd: null,
      cache: 'MISS',
    })
    expect(statement.bytes).toBeGreaterThan(40_000)
    const parts = ['plan_ms', 'queue_ms', 'first_byte_ms', 'stream_ms'].map((name) => statement[name])
    for (const part of parts) expect(part).toBeGreaterThanOrEqual(0)
    expect(statement.duration_ms).toBeCloseTo(
      parts.reduce((sum, part) => sum + part, 0),
      0,
    )
    expect(Date.parse(statement.end_time)).toBeGreaterThanOrEqual(Date.parse(statement.start_time))
  })

  it('of Flight: the time to plan is there, though other calls planned it, perhaps in another worker', async () => {
    const stubs = Array.from(
      { length: 4 },
      () => new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 }),
    )
    const texts: string[] = []
    for (const [i, stub] of stubs.entries()) {
      const text = `SELECT ${i} AS flight`
      texts.push(text)
      const ticket = ticketOf(await stub.info(text, ann))
      expect((await stubs[(i + 1) % 4]!.call('DoGet', [ticket], ann)).code).toBe(0)
    }
    for (const text of texts) {
      const statement = await ended(text)
      expect(statement).toMatchObject({ front: 'flight', outcome: 'OK', rows: 1 })
      expect(statement.plan_ms).toBeGreaterThan(0)
    }
    for (const stub of stubs) stub.close()
  })

  it('a ticket that is redeemed again is a statement of its own, whose rows are shared', async () => {
    const stub = new FlightStub(gateway.flight)
    const text = 'SELECT 1 AS twice'
    const ticket = ticketOf(await stub.info(text, ann))
    for (let i = 0; i < 2; i++) expect((await stub.call('DoGet', [ticket], ann)).code).toBe(0)
    const [second, first] = await allEnded(text, 2)
    expect([first.shared, second.shared, second.rows, second.queue_ms]).toEqual([false, true, 1, null])
    stub.close()
  })

  it('failures have the code that the client got', async () => {
    const text = 'SELECT * FROM no_such_table'
    const answer = await jsonOf(await post(text, bob))
    const statement = await ended(text)
    expect(statement).toMatchObject({ outcome: answer.code, rows: 0, first_byte_ms: null, stream_ms: null })
    expect(statement.message).toContain('no_such_table')
    const late = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'
    await jsonOf(await post(late, bob, { timeout: '100ms' }))
    expect(await ended(late)).toMatchObject({ outcome: 'DEADLINE', principal: 'bob' })
    expect((await recent(root, '?outcome=FAILED&principal=bob')).map(({ query }) => query)).toEqual([late, text])
    expect(await recent(root, '?outcome=DEADLINE&limit=1')).toMatchObject([{ query: late }])
  })

  it('callers see their own, admins all; filters that do not fit are errors', async () => {
    await (await post('SELECT 7', bob, { data_source: 'other' })).json()
    await ended('SELECT 7')
    const own = await recent(bob)
    expect(new Set(own.map(({ principal }) => principal))).toEqual(new Set(['bob']))
    expect((await recent(root, '?data_source=other')).map(({ query }) => query)).toEqual(['SELECT 7'])
    expect(await recent(bob, '?data_source=demo&outcome=OK')).toEqual([])
    const status = async (headers: Record<string, string>, query: string) =>
      (await fetch(`http://${gateway.http}/api/v1/queries/recent${query}`, { headers })).status
    expect(await status(bob, '?principal=ann')).toBe(403)
    expect(await status(bob, '?data_source=none')).toBe(404)
    expect(await status(bob, '?limit=0')).toBe(400)
    expect(await status(bob, '?limit=1001')).toBe(400)
    expect(await status({}, '')).toBe(401)
  })

  it('ListRecentQueries of the Gateway service lists the same', async () => {
    const stub = new GatewayStub(gateway.flight)
    const text = 'SELECT 1 AS via_gateway'
    await stub.read('execute', { statement: sql(text) } as never, ann)
    await ended(text)
    const filter = { dataSource: 'demo', principal: '', outcome: 'OK', limit: 500 }
    const { queries } = await waitFor(async () => {
      const list = await stub.unary('listRecentQueries', filter, root)
      return list.isPartial ? undefined : list
    }, 'the lists of both workers')
    expect(queries.map(({ id }) => id)).toEqual(
      (await recent(root, '?data_source=demo&outcome=OK&limit=500')).map(({ id }) => id),
    )
    const statement = queries.find(({ query }) => query === text)!
    expect(statement).toMatchObject({ front: 'gateway', rows: 1n, outcome: 'OK', costUsd: undefined })
    expect(statement.planMs).toBeGreaterThan(0)
    stub.close()
  })
})
