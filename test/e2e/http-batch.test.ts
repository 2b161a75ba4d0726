import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { abandon, eventsOf, type Json, jsonOf, linesOf, postJson, runningQueries } from './http-client.ts'

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await GatewayProcess.start({
    sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE notes (id INTEGER, text VARCHAR)'] } },
    http: { maxBatchResultBytes: 4_000_000 },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
})

const post = (path: string, body: unknown, headers = {}) => postJson(gateway, path, body, headers)
const batch = async (queries: unknown, options?: unknown) =>
  await jsonOf(post('/api/v1/batch', { queries, ...(options !== undefined && { options }) }))

/** Takes DuckDB seconds, and ends at once when it is interrupted. */
const slow = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'

describe('POST /api/v1/batch', () => {
  it('answers the results in the order of the queries, with columns, rows, metrics and a summary', async () => {
    const answer = await batch([
      { id: 'late', query: 'SELECT sum(range)::BIGINT AS total FROM range(3000000)', data_source: 'demo' },
      { query: "SELECT 'a' AS text, NULL AS none" },
      { id: 'none', query: 'SELECT 1 AS x WHERE false' },
    ])
    expect(answer.results.map(({ id, status }: Json) => [id, status])).toEqual([
      ['late', 'succeeded'],
      ['1', 'succeeded'],
      ['none', 'succeeded'],
    ])
    const [late, text, none] = answer.results
    expect(late).toMatchObject({ rows: [{ total: 4499998500000 }], row_count: 1, error: null, affected_rows: null })
    expect(late.columns).toEqual([{ name: 'total', type: 'int64', nullable: true }])
    expect(late.metrics).toMatchObject({ data_source: 'demo', rows: 1, cache_hit: false, cost_usd: null })
    expect(late.metrics.total_ms).toBeGreaterThan(0)
    expect(text.rows).toEqual([{ text: 'a', none: null }])
    expect(none).toMatchObject({ rows: [], row_count: 0 })
    expect(answer.summary).toMatchObject({ statements: 3, succeeded: 3, failed: 0, rows: 2 })
  })

  it('a statement that fails has the problem, and the others succeed', async () => {
    const answer = await batch([
      { id: 'bad', query: 'SELEC 1' },
      { id: 'good', query: 'SELECT 1 AS one' },
    ])
    expect(answer.results[0]).toMatchObject({ id: 'bad', status: 'failed', columns: null, rows: null, row_count: null })
    expect(answer.results[0].error).toMatchObject({ code: 'BAD_SQL', status: 400, retryable: false })
    expect(answer.results[1]).toMatchObject({ status: 'succeeded', rows: [{ one: 1 }] })
    expect(answer.summary).toMatchObject({ succeeded: 1, failed: 1 })
  })

  it('takes tables, parameters and changes, and rows as arrays', async () => {
    await batch([{ query: "INSERT INTO notes VALUES (1, 'one'), (2, 'two'), (3, 'three')" }])
    const answer = await batch(
      [
        { id: 'scan', table: { name: 'notes', columns: ['text'], filter: 'id < 3', limit: 1 } },
        { id: 'bound', query: 'SELECT id FROM notes WHERE text = ?', parameters: ['three'] },
        { id: 'change', query: 'DELETE FROM notes WHERE id > 1' },
      ],
      { max_concurrency: 1, row_format: 'arrays' },
    )
    expect(answer.results.map(({ rows }: Json) => rows).slice(0, 2)).toEqual([[['one']], [[3]]])
    expect(answer.results[2]).toMatchObject({ status: 'succeeded', affected_rows: 2 })
  })

  it('parameters that do not fit fail their statement alone', async () => {
    const answer = await batch([
      { id: 'bad', query: 'SELECT ?::INTEGER AS x', parameters: ['a', 'b'] },
      { id: 'good', query: 'SELECT ?::INTEGER AS x', parameters: [1] },
    ])
    expect(answer.results).toMatchObject([
      { status: 'failed', error: { code: 'BAD_REQUEST', detail: expect.stringContaining('parameter') } },
      { status: 'succeeded', rows: [{ x: 1 }] },
    ])
  })

  it('identical reads run once, and each gets the rows', async () => {
    const query = 'SELECT random() AS x, uuid() AS id'
    const answer = await batch([{ query }, { query }, { query: 'SELECT 1 AS x' }, { query: 'SELECT 1 AS x' }])
    const [, , one, other] = answer.results
    expect(one.rows).toEqual(other.rows)
    expect(answer.summary.cache_hits).toBeGreaterThan(0)
  })

  it('rows are exact: many pieces, quotes, line breaks, 64-bit integers', async () => {
    const query = `SELECT range AS i, 'a"\n' || range AS t, 9007199254740993::BIGINT AS big FROM range(20000)`
    const [{ rows, row_count }] = (await batch([{ query }])).results
    expect([rows.length, row_count]).toEqual([20000, 20000])
    expect(rows[19999]).toEqual({ i: 19999, t: 'a"\n19999', big: '9007199254740993' })
  })

  it('stop_on_error skips what waits', async () => {
    const answer = await batch(
      [
        { id: 'a', query: 'SELEC 1' },
        { id: 'b', query: 'SELECT 1' },
        { id: 'c', query: slow },
      ],
      { stop_on_error: true, max_concurrency: 1 },
    )
    expect(answer.results.map(({ status }: Json) => status)).toEqual(['failed', 'skipped', 'skipped'])
    expect(answer.results[1]).toMatchObject({ rows: null, error: { code: 'CANCELLED' } })
  })

  it('a timeout ends the running statement with DEADLINE, and keeps what had ended', async () => {
    const answer = await batch(
      [
        { id: 'fast', query: 'SELECT 1 AS x' },
        { id: 'slow', query: slow },
      ],
      // Long enough to plan both.
      { timeout: '5s' },
    )
    expect(answer.results[0]).toMatchObject({ status: 'succeeded', rows: [{ x: 1 }] })
    expect(answer.results[1]).toMatchObject({ status: 'failed', error: { code: 'DEADLINE' } })
  })

  it('a result above http.maxBatchResultBytes fails alone and names the streaming route', async () => {
    const answer = await batch([
      { id: 'large', query: "SELECT repeat('x', 1000) AS t FROM range(10000)" },
      { id: 'small', query: 'SELECT 1 AS x' },
    ])
    expect(answer.results[0]).toMatchObject({ status: 'failed', error: { code: 'TOO_LARGE' } })
    expect(answer.results[0].error.detail).toContain('/api/v1/batch/stream')
    expect(answer.results[1]).toMatchObject({ status: 'succeeded' })
  })

  it.each([
    ['no statements', [], 'at least one'],
    ['101 statements', Array.from({ length: 101 }, () => ({ query: 'SELECT 1' })), 'at most 100'],
    [
      'duplicate ids',
      [
        { id: 'a', query: 'SELECT 1' },
        { id: 'a', query: 'SELECT 2' },
      ],
      'the id "a"',
    ],
    ['an id that is the position of another statement', [{ query: 'SELECT 1' }, { id: '0', query: 'SELECT 2' }], '"0"'],
    ['a statement with query and table', [{ query: 'SELECT 1', table: 'notes' }], 'query or table'],
  ])('%s: 400 with a sentence', async (_, queries, sentence) => {
    for (const path of ['/api/v1/batch', '/api/v1/batch/stream']) {
      const response = await post(path, { queries })
      expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
      const problem = await jsonOf(response)
      expect(problem).toMatchObject({ code: 'BAD_REQUEST' })
      expect(problem.detail).toContain(sentence)
    }
  })

  it('100 statements run, and a client of its own gets an answer meanwhile', async () => {
    const queries = Array.from({ length: 100 }, (_, i) => ({ query: `SELECT ${i} AS i` }))
    const [answer, other] = await Promise.all([batch(queries), batch([{ query: 'SELECT 1 AS x' }])])
    expect(answer.summary).toMatchObject({ statements: 100, succeeded: 100 })
    expect(answer.results[99].rows).toEqual([{ i: 99 }])
    expect(other.summary.succeeded).toBe(1)
  })
})

describe('POST /api/v1/batch/stream', () => {
  it('sends lines as statements go: columns, rows, the end of each statement, and the summary', async () => {
    const response = await post('/api/v1/batch/stream', {
      queries: [
        { id: 'a', query: 'SELECT range AS i FROM range(2500)' },
        { id: 'b', query: 'SELEC 1' },
      ],
    })
    expect(response.headers.get('content-type')).toMatch(/^application\/x-ndjson/)
    const lines = await linesOf(response)
    const of = (id: string) => lines.filter((line) => line.id === id)
    expect(of('a')[0]).toEqual({ id: 'a', columns: [{ name: 'i', type: 'int64', nullable: true }] })
    const rows = of('a').flatMap((line) => line.rows ?? [])
    expect(rows.length).toBe(2500)
    expect(rows[2499]).toEqual({ i: 2499 })
    expect(of('a').at(-1)).toMatchObject({ status: 'succeeded', row_count: 2500 })
    expect(of('b')).toMatchObject([{ status: 'failed', error: { code: 'BAD_SQL' } }])
    expect(lines.at(-1).summary).toMatchObject({ statements: 2, succeeded: 1, failed: 1, rows: 2500 })
  })

  it('sends the same as server-sent events to a client that accepts them', async () => {
    const body = { queries: [{ id: 'a', query: 'SELECT 1 AS x' }] }
    const response = await post('/api/v1/batch/stream', body, { accept: 'text/event-stream' })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events = eventsOf(await response.text())
    expect(events.map(({ event }) => event)).toEqual(['schema', 'rows', 'statement', 'summary'])
    expect(events[1]!.data).toEqual({ id: 'a', rows: [{ x: 1 }] })
    expect(new Set(events.map(({ id }) => id)).size).toBe(4)
  })

  it('a fast statement is told while a slow one still runs', async () => {
    const response = await post('/api/v1/batch/stream', {
      queries: [
        { id: 'slow', query: slow },
        { id: 'fast', query: 'SELECT 1 AS x' },
      ],
      options: { timeout: '60s' },
    })
    const reader = response.body!.getReader()
    let text = ''
    while (!text.includes('"status":"succeeded"')) text += Buffer.from((await reader.read()).value!).toString()
    expect(text).toContain('"id":"fast"')
    await reader.cancel()
    await nothingRuns()
  })

  it('a client that leaves ends all statements', async () => {
    const queries = [{ query: slow }, { query: `${slow} WHERE a.range > 0` }, { query: 'SELECT 1 AS x' }]
    for (const path of ['/api/v1/batch', '/api/v1/batch/stream']) {
      await abandon(gateway, path, { queries, options: { timeout: '60s' } }, 300)
      await nothingRuns()
    }
  })

  it('a client that does not read holds the statements back', async () => {
    const response = await post('/api/v1/batch/stream', {
      queries: [{ query: "SELECT repeat('x', 1000) AS t FROM range(2000000)" }],
      options: { timeout: '60s' },
    })
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(gateway.memory().rssBytes).toBeLessThan(600 << 20)
    await response.body!.cancel()
    await nothingRuns()
  })
})

async function nothingRuns(): Promise<void> {
  await expect.poll(() => runningQueries(gateway)).toEqual([])
}
