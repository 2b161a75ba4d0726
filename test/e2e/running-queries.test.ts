import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QueryState, type RunningQuery } from '../../gen/flightgate/v1/gateway_service.ts'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, sql } from './gateway-stub.ts'
import { hasPython, runPython } from './python.ts'
import { openDoGet } from './raw-do-get.ts'

const lena = { 'x-api-key': 'key of lena' }
const max = { 'x-api-key': 'key of max' }
const ops = { 'x-api-key': 'key of ops' }
/** No rows for a long time. */
const slow = 'SELECT sum(length(md5(md5(md5(range::VARCHAR)))))::BIGINT AS n FROM range(1000000000)'
/** More rows than any client reads in a test. */
const long = 'SELECT range AS a FROM range(100000000000)'

describe('statements that wait or run', () => {
  let gateway: GatewayProcess
  let stub: GatewayStub
  let flight: FlightStub
  const list = async (headers = ops) =>
    (await stub.unary('listQueries', { dataSource: '', principal: '' }, headers)).queries
  const cancel = async (id: string, headers = ops) => await stub.unary('cancelQuery', { id }, headers)
  const find = async (text: string, matches = (_: RunningQuery) => true) =>
    await waitFor(
      async () => (await list()).find((each) => each.query === text && matches(each)),
      `the statement ${text}`,
    )
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb' }, one: { kind: 'duckdb', maxStreams: 1 } },
      defaultSource: 'demo',
      quotas: { maxConcurrentStatements: 100 },
      auth: {
        apiKeys: [
          { name: 'lena', key: 'key of lena' },
          { name: 'max', key: 'key of max' },
          { name: 'ops', key: 'key of ops', roles: ['admin'] },
        ],
      },
    })
    stub = new GatewayStub(gateway.flight)
    flight = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    flight.close()
    await gateway.stop()
  })

  it.runIf(hasPython())('pyarrow reads a result: a cancel by the administrator ends it, with who did', async () => {
    const reading = runPython<Record<string, unknown>>('cancelled_query.py', gateway.uri, 'key of lena', long)
    const { id, principal, dataSource, rows } = await find(long, (each) => each.rows > 0n && each.bytes > 0n)
    expect([principal, dataSource, rows > 0n]).toEqual(['lena', 'demo', true])
    await cancel(id)
    expect(await reading).toMatchObject({
      error: 'FlightCancelledError',
      message: expect.stringContaining('The statement was cancelled by the administrator ops.'),
      rows: expect.any(Number),
    })
    await expect.poll(() => list()).toEqual([])
    const line = await gateway.line(({ event, queryId }) => event === 'statement' && queryId === id)
    expect(line).toMatchObject({ outcome: 'CANCELLED', principal: 'lena' })
    expect(await gateway.line(({ event }) => event === 'query_cancelled')).toMatchObject({ queryId: id, by: 'ops' })
  })

  it('DuckDB works on a statement without rows: a cancel ends it at once', async () => {
    const running = flight.call('DoGet', [ticketOf(await flight.info(slow, lena))], lena)
    const { id } = await find(slow, ({ state }) => state === QueryState.QUERY_STATE_RUNNING)
    await cancel(id, lena)
    expect(await running).toMatchObject({ code: 1, details: 'The statement was cancelled by another call of lena.' })
    await expect.poll(() => list()).toEqual([])
  })

  it('client does not read: a cancel frees what the statement holds', async () => {
    const session = connect(`http://${gateway.flight}`)
    const unread = openDoGet(session, ticketOf(await flight.info(`${long} -- unread`, lena)), lena)
    const ended = once(unread, 'trailers')
    const { id } = await find(`${long} -- unread`, ({ rows }) => rows > 0n)
    await cancel(id, lena)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => list()).toEqual([])
    unread.resume()
    const [trailers] = await ended
    expect(trailers).toMatchObject({ 'grpc-status': '1', 'x-flightgate-error': 'CANCELLED' })
    session.destroy()
  })

  it('a statement waits for a slot: it is listed as queued, and a cancel ends it there', async () => {
    const source = { 'x-flightgate-source': 'one' }
    const holding = stub.open('execute', { statement: sql(slow, { dataSource: 'one' }) }, lena)
    const holder = await find(slow, ({ state }) => state === QueryState.QUERY_STATE_RUNNING)
    const waiting = flight.call('DoGet', [ticketOf(await flight.info('SELECT 5', { ...max, ...source }))], max)
    const queued = await find('SELECT 5', ({ state }) => state === QueryState.QUERY_STATE_QUEUED)
    expect((await list(max)).map(({ id }) => id)).toEqual([queued.id])
    expect((await list(lena)).map(({ id }) => id)).toEqual([holder.id])
    await cancel(queued.id, max)
    expect(await waiting).toMatchObject({ code: 1 })
    const ended = new Promise((resolve) => holding.on('error', resolve))
    await cancel(holder.id)
    expect(await ended).toMatchObject({ code: 1 })
  })

  it('an HTTP client does not read: a cancel cuts its answer', async () => {
    const text = `${long} -- http`
    const { body } = await fetch(`http://${gateway.http}/api/v1/stream`, {
      method: 'POST',
      headers: { ...lena, 'content-type': 'application/json' },
      body: JSON.stringify({ query: text, format: 'csv' }),
    })
    const { id } = await find(text, ({ rows }) => rows > 0n)
    await cancel(id)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => list()).toEqual([])
    await expect(
      (async () => {
        for await (const _ of body!);
      })(),
    ).rejects.toThrow()
  })

  it('callers neither see nor cancel the statements of others', async () => {
    const running = stub.open('execute', { statement: sql(slow) }, lena)
    const { id } = await find(slow)
    expect(await list(max)).toEqual([])
    expect(await failureOf(cancel(id, max))).toMatchObject({ code: 5, error: 'UNKNOWN_QUERY' })
    expect(await failureOf(cancel('unknown', ops))).toMatchObject({ code: 5, error: 'UNKNOWN_QUERY' })
    const others = stub.unary('listQueries', { dataSource: '', principal: 'lena' }, max)
    expect(await failureOf(others)).toMatchObject({ code: 7, error: 'FORBIDDEN' })
    expect(await list(lena)).toHaveLength(1)
    running.cancel()
    await expect.poll(() => list()).toEqual([])
    expect(await failureOf(cancel(id, lena))).toMatchObject({ code: 5, error: 'UNKNOWN_QUERY' })
  })
})
