import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { eventsOf, type Json, jsonOf, linesOf, postJson } from './http-client.ts'

const MIB = 1 << 20
const unit = 'say "a, b" é\n'
const count = Math.floor((3 * MIB) / 13)
/** Two long rows between short ones. */
const query = `SELECT i::INTEGER AS i, CASE WHEN i IN (2, 3) THEN repeat('${unit}', ${count}) ELSE 'short' END AS text,
  [encode(text)] AS list FROM range(5) t(i) ORDER BY i`

describe('rows with long values', () => {
  let gateway: GatewayProcess
  const post = (path: string, body: object, accept = 'application/json') =>
    postJson(gateway, `/api/v1/${path}`, body, { accept })
  const long = unit.repeat(count)
  const isRow = (row: Json, i: number) => {
    const text = i === 2 || i === 3 ? long : 'short'
    return row.i === i && row.text === text && row.list[0] === Buffer.from(text).toString('base64')
  }
  const expectRows = (rows: readonly Json[]) => expect(rows.map(isRow)).toEqual([true, true, true, true, true])

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb' } },
      http: { maxBatchResultBytes: 128 * MIB },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('are whole in JSON and in NDJSON', async () => {
    const answer = await jsonOf(post('query', { query }))
    expectRows(answer.rows)
    expect(answer.row_count).toBe(5)
    expectRows(await linesOf(await post('query', { query }, 'application/x-ndjson')))
  })

  it('are each one row of one event, which is one line', async () => {
    const events = eventsOf(await (await post('stream/sse', { query })).text())
    const chunks = events.filter(({ event }) => event === 'rows').map(({ data }) => data)
    expect(chunks.map(({ length }) => length)).toEqual([2, 1, 1, 1])
    expectRows(chunks.flat())
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { row_count: 5 } })
  })

  it('are whole in batches, at once and as lines', async () => {
    const body = { queries: [{ id: 'a', query }] }
    const answer = await jsonOf(post('batch', body))
    expectRows(answer.results[0].rows)
    expect(answer.results[0].row_count).toBe(5)
    const lines = await linesOf(await post('batch/stream', body, 'application/x-ndjson'))
    expectRows(lines.flatMap(({ rows }) => (Array.isArray(rows) ? rows : [])))
  })

  it('are cut where the statement fails, and the error is on a line of its own', async () => {
    const limited = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb' } },
      limits: { maxRowBytes: 2 * MIB },
    })
    // As text it is longer than the limit, which only its escapes tell.
    const escaped = { query: `SELECT 'a"b' AS id, repeat('"', ${2 * MIB - 1000}) AS text` }
    const read = (accept: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', accept }
        const call = request(`http://${limited.http}/api/v1/stream`, { method: 'POST', headers, agent: false })
        call.on('error', reject)
        call.on('response', (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk) => chunks.push(chunk))
          // The connection is cut after the error.
          response.on('error', () => {})
          response.on('close', () => resolve(Buffer.concat(chunks).toString()))
        })
        call.end(JSON.stringify(escaped))
      })
    const lines = (await read('application/x-ndjson')).trimEnd().split('\n')
    expect(lines).toHaveLength(2)
    expect(JSON.parse(lines[1]!)).toMatchObject({ error: { code: 'ROW_TOO_LARGE' } })
    const csv = await read('text/csv')
    const last = csv.lastIndexOf('\r\n#error,ROW_TOO_LARGE,')
    expect(last).toBeGreaterThan(MIB)
    // The record before it is closed.
    expect((csv.slice(0, last).split('"').length - 1) % 2).toBe(0)
    expect(await limited.stop()).toBe(0)
  })
})
