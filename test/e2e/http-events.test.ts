import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { GatewayProcess } from './gateway-process.ts'
import { abandon, eventsOf, postJson, runningQueries } from './http-client.ts'

let upstream: FakeUpstream
let gateway: GatewayProcess

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const up = { kind: 'flightsql', uri: `grpc://127.0.0.1:${upstream.port}`, username: 'u', password: 'p' }
  gateway = await GatewayProcess.start({
    sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE notes (id INTEGER)'] }, up },
    defaultSource: 'demo',
    http: { heartbeatMs: 200 },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
  await upstream.stop()
})

const stream = (body: object, headers = {}) => postJson(gateway, '/api/v1/stream/sse', body, headers)
/** Without the reports of progress that come each second; one comes before the end. */
const eventsWithLastProgress = (text: string) =>
  eventsOf(text).filter(({ event }, at, { length }) => event !== 'progress' || at === length - 2)
const slow = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'

describe('POST /api/v1/stream/sse', () => {
  it('sends the schema, rows in chunks, progress and the end, each with an id', async () => {
    const response = await stream({ query: 'SELECT range AS i FROM range(2500)' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('cache-control')).toContain('no-store')
    const text = await response.text()
    const events = eventsWithLastProgress(text)
    expect(events.map(({ event }) => event)).toEqual(['schema', 'rows', 'rows', 'rows', 'progress', 'end'])
    expect(events[0]!.data).toEqual({ columns: [{ name: 'i', type: 'int64', nullable: true }] })
    expect(events.slice(1, 4).map(({ data }) => data.length)).toEqual([1000, 1000, 500])
    expect(events[3]!.data[499]).toEqual({ i: 2499 })
    expect(events[4]!.data).toMatchObject({ rows: 2500, percent: expect.toSatisfy((p) => p === null || p <= 100) })
    expect(events[4]!.data.elapsed_ms).toBeGreaterThanOrEqual(0)
    expect(events[5]!.data).toMatchObject({ row_count: 2500, affected_rows: null, metrics: { rows: 2500 } })
    const name = response.headers.get('x-request-id')
    expect(eventsOf(text).map(({ id }) => id)).toEqual(eventsOf(text).map((_, at) => `${name}:${at + 1}`))
  })

  it('takes chunk_size, tables, parameters and row_format as the other routes do', async () => {
    const body = {
      query: 'SELECT range AS i FROM range(?::INTEGER)',
      parameters: [7],
      chunk_size: 3,
      row_format: 'arrays',
    }
    const events = eventsOf(await (await stream(body)).text())
    expect(events.filter(({ event }) => event === 'rows').map(({ data }) => data)).toEqual([
      [[0], [1], [2]],
      [[3], [4], [5]],
      [[6]],
    ])
  })

  it('a result without rows has a schema and an end', async () => {
    const events = eventsWithLastProgress(await (await stream({ query: 'SELECT 1 AS x WHERE false' })).text())
    expect(events.map(({ event }) => event)).toEqual(['schema', 'progress', 'end'])
  })

  it('a change tells the number of changed rows', async () => {
    const events = eventsOf(await (await stream({ query: 'INSERT INTO notes VALUES (1), (2)' })).text())
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { affected_rows: 2 } })
  })

  it('each line of a text with line breaks stays within its event', async () => {
    const events = eventsWithLastProgress(await (await stream({ query: `SELECT 'a\n\ndata: b\r' AS t` })).text())
    expect(events[1]).toMatchObject({ event: 'rows', data: [{ t: 'a\n\ndata: b\r' }] })
  })

  it('a statement that cannot be planned is a problem with its status', async () => {
    const response = await stream({ query: 'SELEC 1' })
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
  })

  it.each([
    ['fails', 'SELECT fail 2 secret', 'UPSTREAM_FAILED'],
    ['is cut off', 'SELECT cut 2', 'SOURCE_UNAVAILABLE'],
  ])('an upstream that %s in the middle: the last event is the error', async (_, query, code) => {
    const text = await (await stream({ query, data_source: 'up' })).text()
    const events = eventsOf(text)
    expect(events.at(-1)).toMatchObject({ event: 'error', data: { code, request_id: expect.any(String) } })
    expect(events.map(({ event }) => event)).not.toContain('end')
    expect(text).not.toContain('secret')
  })

  it('a silent statement is kept alive by comments, from before its result begins', async () => {
    const response = await stream({ query: slow, timeout: '5s' })
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(text.match(/^: heartbeat$/gm)!.length).toBeGreaterThan(2)
    const events = eventsOf(text)
    expect([...new Set(events.map(({ event }) => event))]).toEqual(['schema', 'progress', 'error'])
    expect(events[1]!.data).toMatchObject({ rows: 0, bytes: 0, percent: expect.any(Number) })
    expect(events.at(-1)!.data).toMatchObject({ code: 'DEADLINE', detail: expect.stringMatching(/its [\d,]+ ms/) })
  })

  it('Last-Event-ID: a result is not kept, so nothing runs again', async () => {
    const response = await stream({ query: 'INSERT INTO notes VALUES (7)' }, { 'last-event-id': 'abc:3' })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code: 'NOT_RESUMABLE', retryable: false })
    const rows = eventsOf(await (await stream({ query: 'SELECT * FROM notes WHERE id = 7' })).text())
    expect(rows.map(({ event }) => event)).not.toContain('rows')
  })

  it.each([0, 10_001, 1.5, 'x'])('chunk_size %s is refused', async (chunk_size) => {
    expect((await stream({ query: 'SELECT 1', chunk_size })).status).toBe(400)
  })

  it.each([
    ['before the first row', { query: slow, timeout: '60s' }],
    ['in the middle of the rows', { query: 'SELECT drip 10000', data_source: 'up' }],
  ])('a client that leaves %s ends the statement', async (_, body) => {
    await abandon(gateway, '/api/v1/stream/sse', body, 300)
    await expect.poll(() => runningQueries(gateway)).toEqual([])
  })
})
