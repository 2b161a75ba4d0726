import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BreakerState,
  EstimateAccuracy,
  type ExecuteSummary,
  HealthState,
  QueryState,
  StatementStatus,
} from '../../gen/flightgate/v1/gateway_service.ts'
import { packageVersion } from '../../src/ops/version.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, scan, sql, streamOf } from './gateway-stub.ts'

const bigRows = "SELECT range AS i, repeat('x', 100) AS t FROM range(100000)"
const rowsOf = (bytes: Uint8Array) =>
  tableFromIPC(bytes)
    .toArray()
    .map((row) => row!.toJSON())

let upstream: FakeUpstream
let gateway: GatewayProcess
let stub: GatewayStub
beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const uri = `grpc://127.0.0.1:${upstream.port}`
  gateway = await GatewayProcess.start({
    sources: {
      demo: { kind: 'duckdb', writes: true, sample: { tpch: 0.01 } },
      up: { kind: 'flightsql', uri, username: 'u', password: 'p', forward: { toClient: ['x-from-server'] } },
    },
    defaultSource: 'demo',
  })
  stub = new GatewayStub(gateway.flight)
  await stub.read('execute', { statement: sql('CREATE TABLE t AS SELECT 7 AS n') })
})
afterAll(async () => {
  stub.close()
  expect(await gateway.metric('flightgate_statements_in_flight')).toBe(0)
  expect(await gateway.stop()).toBe(0)
  expect(gateway.noise).toEqual([])
  await upstream.stop()
})

describe('Execute', () => {
  it('tells how many rows each kind of change has changed, or stored in a new table', async () => {
    for (const [query, affectedRows] of [
      ['CREATE TABLE counted AS SELECT range AS n FROM range(7)', 7n],
      ['INSERT INTO counted VALUES (1), (2)', 2n],
      ['UPDATE counted SET n = -1 WHERE n < 2', 3n],
      ['DELETE FROM counted WHERE n = -1', 3n],
      ['DROP TABLE counted', 0n],
    ] as const) {
      const { part } = (await stub.read('execute', { statement: sql(query) })).at(-1)!
      expect(part, query).toMatchObject({ $case: 'summary', value: { affectedRows } })
    }
  })

  it('streams the schema, batches and a summary', async () => {
    const messages = await stub.read('execute', { statement: sql('SELECT 42 AS answer, NULL AS nothing') })
    expect(messages.map(({ part }) => part?.$case)).toEqual(['schema', 'recordBatch', 'summary'])
    expect(rowsOf(streamOf(messages))).toEqual([{ answer: 42, nothing: null }])
    const { affectedRows, metrics, queryId } = messages.at(-1)!.part!.value as ExecuteSummary
    expect(affectedRows).toBeUndefined()
    expect(metrics).toMatchObject({ dataSource: 'demo', rows: 1n, cacheHit: false, costUsd: undefined })
    expect(metrics!.plannedMs).toBeGreaterThan(0)
    expect(metrics!.queuedMs).toBeGreaterThanOrEqual(0)
    expect(metrics!.totalMs).toBeGreaterThanOrEqual(metrics!.firstByteMs!)
    expect(metrics!.bytes).toBeGreaterThan(0n)
    expect(queryId).not.toBe('')
  })

  it('a result without rows has its schema', async () => {
    const messages = await stub.read('execute', { statement: sql('SELECT 1 AS a WHERE false') })
    expect(messages[0]!.part?.$case).toBe('schema')
    const table = tableFromIPC(streamOf(messages))
    expect([table.numRows, table.schema.fields.map(({ name }) => name)]).toEqual([0, ['a']])
  })

  it('every part keeps to the message limit that the client announces, and to that of gRPC by default', async () => {
    for (const [headers, limit] of [
      [{ 'x-flightgate-max-message-bytes': '20000' }, 20_000],
      [{}, 4 << 20],
    ] as const) {
      const client = new GatewayStub(gateway.flight, { 'grpc.max_receive_message_length': limit })
      const messages = await client.read('execute', { statement: sql(bigRows) }, headers)
      expect(tableFromIPC(streamOf(messages)).numRows).toBe(100_000)
      client.close()
    }
  })

  it('relays the result of a server, and the metadata that the configuration lets through', async () => {
    const messages = await stub.read('execute', { statement: sql('SELECT ok 3', { dataSource: 'up' }) })
    expect(tableFromIPC(streamOf(messages)).numRows).toBe(3 * BATCH_ROWS)
  })

  it('a change runs and reports its rows, also if the client reads nothing else', async () => {
    const insert = await stub.read('execute', { statement: sql('INSERT INTO t SELECT range FROM range(5)') })
    const { affectedRows } = insert.at(-1)!.part!.value as ExecuteSummary
    expect(affectedRows).toBe(5n)
    const count = await stub.read('execute', { statement: sql('SELECT count(*)::INTEGER AS n FROM t') })
    expect(rowsOf(streamOf(count))).toEqual([{ n: 6 }])
  })

  it('scans a table, with columns and a filter', async () => {
    const messages = await stub.read('execute', { statement: scan('nation', {}, ['n_name'], 'n_nationkey = 7') })
    expect(rowsOf(streamOf(messages))).toEqual([{ n_name: 'GERMANY' }])
  })

  it('binds parameters', async () => {
    const parameters = tableToIPC(tableFromArrays({ a: Int32Array.from([20]), b: Int32Array.from([22]) }), 'stream')
    const messages = await stub.read('execute', { statement: sql('SELECT ? + ? AS sum', { parameters }) })
    expect(rowsOf(streamOf(messages)).map(({ sum }) => Number(sum))).toEqual([42])
  })

  it.each([
    ['SELECT ?', {}, 'The statement has 1 parameter, and the request has 0.'],
    ['SELECT ?', { a: 1, b: 2 }, 'The statement has 1 parameter, and the request has 2.'],
    ['SELECT 1', { a: 1 }, 'The statement has 0 parameters, and the request has 1.'],
  ])('tells how many parameters %s has beside %j', async (query, values, details) => {
    const columns = Object.entries(values).map(([name, value]) => [name, Int32Array.of(value)])
    const parameters = columns.length > 0 ? tableToIPC(tableFromArrays(Object.fromEntries(columns)), 'stream') : []
    const statement = sql(query, { parameters: Buffer.from(parameters) })
    expect(await failureOf(stub.read('execute', { statement }))).toMatchObject({ error: 'BAD_REQUEST', details })
    const planned = await stub.unary('planBatch', { statements: [statement], options: undefined })
    expect(planned.results).toMatchObject([{ outcome: { value: { code: 'BAD_REQUEST', message: details } } }])
  })

  it.each([
    ['no statement', { statement: undefined }, 'BAD_REQUEST', 3],
    ['no text', { statement: sql('', { text: undefined }) }, 'BAD_REQUEST', 3],
    ['an empty text', { statement: sql(' ') }, 'BAD_SQL', 3],
    ['SQL that does not parse', { statement: sql('SELEC 1') }, 'BAD_SQL', 3],
    ['an unknown source', { statement: sql('SELECT 1', { dataSource: 'nope' }) }, 'UNKNOWN_SOURCE', 5],
    ['an unknown table', { statement: scan('nope') }, 'UNKNOWN_OBJECT', 5],
    [
      'parameters that are no stream',
      { statement: sql('SELECT ?', { parameters: Buffer.from('x') }) },
      'BAD_REQUEST',
      3,
    ],
    ['a change of a read-only source', { statement: sql('INSERT ok 1', { dataSource: 'up' }) }, 'READ_ONLY', 7],
  ])('%s: %s', async (_name, request, error, code) => {
    expect(await failureOf(stub.read('execute', request))).toMatchObject({ error, code })
  })

  it('errors have the same details as those of Flight calls', async () => {
    const flight = new FlightStub(gateway.flight)
    const bad = 'SELECT 1 +\n nope'
    const ours = await failureOf(stub.read('execute', { statement: sql(bad) }, { 'x-request-id': 'r-1' }))
    const theirs = await flight.info(bad, { 'x-request-id': 'r-1' }).catch(({ message }) => message)
    expect(theirs).toBe(`${ours.code}: ${ours.details}`)
    expect(ours.trailers.get('x-flightgate-sql-position')).toEqual(['2:2'])
    expect(ours.trailers.get('x-request-id')).toEqual(['r-1'])
    expect(ours.trailers.get('grpc-status-details-bin')).toHaveLength(1)
    expect(await gateway.line(({ requestId, method }) => requestId === 'r-1' && method === 'Execute')).toMatchObject({
      event: 'call',
      code: ours.error,
    })
    flight.close()
  })
})

describe('ExecuteBatch', () => {
  const results = (messages: Awaited<ReturnType<typeof batch>>) =>
    new Map(messages.flatMap(({ id, part }) => (part?.$case === 'result' ? [[id, part.value] as const] : [])))
  const summaryOf = (messages: Awaited<ReturnType<typeof batch>>) => {
    const last = messages.at(-1)!
    if (last.part?.$case !== 'summary') throw new Error('no summary')
    expect(last.id).toBe('')
    return last.part.value
  }
  const batch = (
    statements: ReturnType<typeof sql>[],
    options: Partial<{ maxConcurrency: number; timeoutMs: number; stopOnError: boolean }> = {},
  ) =>
    stub.read('executeBatch', {
      statements,
      options: { maxConcurrency: 0, timeoutMs: 0, stopOnError: false, ...options },
    })

  it('streams the results of all statements, and the summary last', async () => {
    const messages = await batch([
      sql('SELECT 1 AS a'),
      sql(bigRows, { id: 'big' }),
      sql('SELECT ok 2', { id: 'up', dataSource: 'up' }),
      sql('SELECT nope', { id: 'bad' }),
      scan('nation', { id: 'scan' }),
    ])
    expect(rowsOf(streamOf(messages, '0'))).toEqual([{ a: 1 }])
    expect(tableFromIPC(streamOf(messages, 'big')).numRows).toBe(100_000)
    expect(tableFromIPC(streamOf(messages, 'up')).numRows).toBe(2 * BATCH_ROWS)
    expect(tableFromIPC(streamOf(messages, 'scan')).numRows).toBe(25)
    const ended = results(messages)
    expect([...ended.keys()].sort()).toEqual(['0', 'bad', 'big', 'scan', 'up'])
    expect(ended.get('bad')).toMatchObject({
      status: StatementStatus.STATEMENT_STATUS_FAILED,
      error: { code: 'BAD_SQL', grpcStatus: 3, retryable: false },
      affectedRows: undefined,
    })
    expect(ended.get('big')).toMatchObject({
      status: StatementStatus.STATEMENT_STATUS_SUCCEEDED,
      error: undefined,
      metrics: { dataSource: 'demo', rows: 100_000n },
    })
    expect(summaryOf(messages)).toMatchObject({
      statements: 5,
      succeeded: 4,
      failed: 1,
      skipped: 0,
      cancelled: 0,
      rows: 100_026n + 2n * BigInt(BATCH_ROWS),
    })
    // The parts of a statement are in order, and its result is the last.
    for (const id of ended.keys()) {
      const kinds = messages.filter((each) => each.id === id).map(({ part }) => part?.$case)
      expect(kinds.at(-1)).toBe('result')
      if (id !== 'bad') expect(kinds[0]).toBe('schema')
    }
  })

  it('identical reads run once, and each gets the rows', async () => {
    const before = upstream.counts.executions
    const same = 'SELECT random() AS r, range AS i FROM range(3000)'
    const messages = await batch([
      sql('SELECT ok 4', { id: 'a', dataSource: 'up' }),
      sql('SELECT ok 4', { id: 'b', dataSource: 'up' }),
      sql(same, { id: 'c' }),
    ])
    expect(streamOf(messages, 'a')).toEqual(streamOf(messages, 'b'))
    expect(tableFromIPC(streamOf(messages, 'b')).numRows).toBe(4 * BATCH_ROWS)
    expect(summaryOf(messages)).toMatchObject({ succeeded: 3, cacheHits: 1 })
    expect(upstream.counts.executions - before).toBe(1)
  })

  it('a change reports its rows', async () => {
    const messages = await batch([sql('INSERT INTO t VALUES (1), (2)')])
    expect(results(messages).get('0')).toMatchObject({ affectedRows: 2n })
  })

  it('time limit passes: the statement that runs fails with DEADLINE, the others are skipped', async () => {
    const messages = await batch(
      [sql('SELECT hang 1', { id: 'slow', dataSource: 'up' }), sql('SELECT 1', { id: 'next' })],
      // Long enough to plan both.
      { maxConcurrency: 1, timeoutMs: 5000 },
    )
    const ended = results(messages)
    expect(ended.get('slow')).toMatchObject({
      status: StatementStatus.STATEMENT_STATUS_FAILED,
      error: { code: 'DEADLINE' },
    })
    expect(ended.get('next')).toMatchObject({ status: StatementStatus.STATEMENT_STATUS_SKIPPED })
    expect(summaryOf(messages)).toMatchObject({ failed: 1, skipped: 1 })
  })

  it('stop_on_error: the first failure cancels what runs', async () => {
    const messages = await batch(
      [sql('SELECT hang 1', { id: 'runs', dataSource: 'up' }), sql("SELECT error('no')", { id: 'fails' })],
      { stopOnError: true },
    )
    expect(results(messages).get('runs')).toMatchObject({ status: StatementStatus.STATEMENT_STATUS_CANCELLED })
    expect(results(messages).get('fails')).toMatchObject({ status: StatementStatus.STATEMENT_STATUS_FAILED })
  })

  it('upstream dies in the middle of a result: that statement fails, the others succeed', async () => {
    const messages = await batch([
      sql('SELECT cut 2', { id: 'cut', dataSource: 'up' }),
      sql('SELECT 1', { id: 'fine' }),
    ])
    expect(results(messages).get('cut')).toMatchObject({ error: { code: 'SOURCE_UNAVAILABLE', retryable: true } })
    expect(results(messages).get('fine')).toMatchObject({ status: StatementStatus.STATEMENT_STATUS_SUCCEEDED })
  })

  it.each([
    ['no statements', [], {}, 'no statements'],
    ['101 statements', Array.from({ length: 101 }, () => sql('SELECT 1')), {}, 'limits.maxBatchStatements'],
    ['duplicate ids', [sql('SELECT 1', { id: '1' }), sql('SELECT 2')], {}, 'the id "1"'],
    ['a statement without text', [sql('SELECT 1'), sql('', { text: undefined })], {}, 'statements[1]'],
    ['too many at the same time', [sql('SELECT 1')], { maxConcurrency: 21 }, 'max_concurrency'],
  ] as const)('%s: refused as a whole', async (_name, statements, options, message) => {
    expect(await failureOf(batch([...statements], options))).toMatchObject({
      code: 3,
      error: 'BAD_REQUEST',
      details: expect.stringContaining(message),
    })
  })
})

describe('EstimateCost and BatchEstimateCost', () => {
  it('tell what a statement would read, or that the source cannot tell', async () => {
    const { estimate } = await stub.unary('estimateCost', { statement: sql('SELECT ok 1', { dataSource: 'up' }) })
    expect(estimate).toMatchObject({ dataSource: 'up' })
    const { results, total } = await stub.unary('batchEstimateCost', {
      statements: [sql('SELECT * FROM lineitem', { id: 'a' }), sql('SELECT nope', { id: 'b' })],
    })
    expect(results.map(({ id, outcome }) => [id, outcome?.$case])).toEqual([
      ['a', 'estimate'],
      ['b', 'error'],
    ])
    expect(total).toMatchObject({ bytes: undefined, rows: undefined, costUsd: undefined })
    expect(await failureOf(stub.unary('batchEstimateCost', { statements: [] }))).toMatchObject({ error: 'BAD_REQUEST' })
  })
})

describe('PlanBatch', () => {
  it('returns tickets that DoGet redeems, and an error for each statement that cannot be planned', async () => {
    const { results } = await stub.unary('planBatch', {
      statements: [
        sql('SELECT 3 AS three'),
        sql('SELECT ok 1', { id: 'up', dataSource: 'up' }),
        sql('DROP TABLE t', { id: 'drop' }),
      ],
      options: undefined,
    })
    expect(results.map(({ id, outcome }) => [id, outcome?.$case])).toEqual([
      ['0', 'ticket'],
      ['up', 'ticket'],
      ['drop', 'error'],
    ])
    const flight = new FlightStub(gateway.flight)
    for (const { outcome } of results) {
      if (outcome?.$case !== 'ticket') continue
      const { ticket, schema, expireTime } = outcome.value
      expect(Number(expireTime!.seconds) * 1000).toBeGreaterThan(Date.now())
      expect(tableFromIPC(schema).schema.fields).toHaveLength(1)
      const end = await flight.call('DoGet', [Buffer.concat([Buffer.from([10, ...varint(ticket.length)]), ticket])])
      expect([end.code, end.messages.length]).toEqual([0, 2])
    }
    flight.close()
  })
})

describe('PlanBatch, asked by x-flightgate-estimate', () => {
  const statements = [sql('SELECT * FROM nation'), sql('SELECT ok 1', { dataSource: 'up' })]
  const estimates = async (headers: Readonly<Record<string, string>>) => {
    const { results } = await stub.unary('planBatch', { statements, options: undefined }, headers)
    return results.map(({ outcome }) => (outcome?.$case === 'ticket' ? outcome.value.estimate : outcome))
  }

  it('sends an estimate with each ticket', async () => {
    expect(await estimates({ 'x-flightgate-estimate': 'true' })).toMatchObject([
      { dataSource: 'demo', rows: 25n },
      { dataSource: 'up', accuracy: EstimateAccuracy.ESTIMATE_ACCURACY_UNKNOWN, rows: undefined },
    ])
    expect((await estimates({}))[0]).toBeUndefined()
    expect(await failureOf(estimates({ 'x-flightgate-estimate': 'maybe' }))).toMatchObject({ error: 'BAD_REQUEST' })
  })
})

describe('sources', () => {
  it('are listed in the order of the configuration, with their health', async () => {
    const { sources } = await stub.unary('listSources', {})
    expect(sources).toMatchObject([
      { name: 'demo', kind: 'duckdb', writes: true, default: true },
      { name: 'up', kind: 'flightsql', writes: false, default: false },
    ])
    // Health checks are off in tests.
    expect(sources.map(({ health, healthSince }) => [health, healthSince])).toEqual([
      [HealthState.HEALTH_STATE_UNKNOWN, undefined],
      [HealthState.HEALTH_STATE_UNKNOWN, undefined],
    ])
  })

  it('tell their slots, circuit breakers and pools', async () => {
    const running = stub.open('execute', { statement: sql('SELECT hang 1', { dataSource: 'up' }) })
    const first = await new Promise((resolve) => running.once('data', resolve))
    expect(first).toBeTruthy()
    const { source, slots, endpoints } = await stub.unary('getSource', { name: 'flightsql' })
    expect(source).toMatchObject({ name: 'up', kind: 'flightsql' })
    expect(slots).toMatchObject({ used: 1, queued: 0 })
    expect(slots!.total).toBeGreaterThan(1)
    expect(endpoints).toMatchObject([
      { address: `grpc://127.0.0.1:${upstream.port}`, breaker: BreakerState.BREAKER_STATE_CLOSED, busyConnections: 1 },
    ])
    running.cancel()
    expect((await stub.unary('getSource', { name: 'demo' })).endpoints).toEqual([])
  })

  it('an unknown or missing name is an error', async () => {
    expect(await failureOf(stub.unary('getSource', { name: 'nope' }))).toMatchObject({ error: 'UNKNOWN_SOURCE' })
    expect(await failureOf(stub.unary('getSource', { name: '' }))).toMatchObject({ error: 'BAD_REQUEST' })
  })
})

describe('running statements', () => {
  it('are listed, and end as CANCELLED when they are cancelled', async () => {
    const text = 'SELECT hang 1 listed'
    const reading = failureOf(
      stub.read('execute', { statement: sql(text, { dataSource: 'up' }) }, { 'x-request-id': 'listed' }),
    )
    const found = async () => (await stub.unary('listQueries', { dataSource: 'up', principal: '' })).queries
    await expect
      .poll(found)
      .toMatchObject([
        { principal: 'anonymous', dataSource: 'up', query: text, requestId: 'listed', rows: BigInt(BATCH_ROWS) },
      ])
    const [query] = await found()
    expect(query!.state).toBe(QueryState.QUERY_STATE_RUNNING)
    expect(Math.abs(Number(query!.startTime!.seconds) * 1000 - Date.now())).toBeLessThan(60_000)
    expect((await stub.unary('listQueries', { dataSource: 'demo', principal: '' })).queries).toEqual([])
    expect(await stub.unary('cancelQuery', { id: query!.id })).toEqual({})
    expect(await reading).toMatchObject({ code: 1, error: 'CANCELLED' })
    await expect.poll(found).toEqual([])
    expect(await failureOf(stub.unary('cancelQuery', { id: query!.id }))).toMatchObject({
      code: 5,
      error: 'UNKNOWN_QUERY',
    })
    expect(await failureOf(stub.unary('cancelQuery', { id: '' }))).toMatchObject({ error: 'BAD_REQUEST' })
  })

  it('one of a batch is cancelled alone', async () => {
    const reading = stub.read('executeBatch', {
      statements: [sql('SELECT hang 1 batched', { id: 'a', dataSource: 'up' }), sql('SELECT 5 AS five', { id: 'b' })],
      options: undefined,
    })
    const found = async () => (await stub.unary('listQueries', { dataSource: 'up', principal: '' })).queries
    await expect.poll(found).toHaveLength(1)
    await stub.unary('cancelQuery', { id: (await found())[0]!.id })
    const messages = await reading
    const ended = Object.fromEntries(
      messages.flatMap(({ id, part }) => (part?.$case === 'result' ? [[id, part.value.status]] : [])),
    )
    expect(ended).toEqual({
      a: StatementStatus.STATEMENT_STATUS_CANCELLED,
      b: StatementStatus.STATEMENT_STATUS_SUCCEEDED,
    })
  })
})

describe('the others', () => {
  it('GetUsage tells what the caller has used today', async () => {
    const usage = async () => {
      const { sources, ...rest } = await stub.unary('getUsage', { principal: '' })
      return { ...rest, rows: Number(sources.find(({ dataSource }) => dataSource === 'demo')?.rows ?? 0) }
    }
    // A day may end among the calls.
    const rowsAfterUse = async () => {
      await stub.read('execute', { statement: sql('SELECT range FROM range(10)') })
      return (await usage()).rows
    }
    await expect.poll(rowsAfterUse).toBeGreaterThanOrEqual(10)
    const { principal, since, requestsPerMinute } = await usage()
    expect([principal, Number(since!.seconds) % 86_400, requestsPerMinute]).toEqual(['anonymous', 0, undefined])
    expect(await failureOf(stub.unary('getUsage', { principal: 'else' }))).toMatchObject({ error: 'UNKNOWN_PRINCIPAL' })
  })

  it('without API keys the caller sees and clears the cache', async () => {
    const { dataSources } = await stub.unary('getCacheStats', {})
    expect(dataSources.map(({ dataSource }) => dataSource)).toContain('demo')
    const filter = { dataSource: '', tag: 'none', key: '', principal: '' }
    expect(await stub.unary('clearCache', filter)).toEqual({ cleared: 0n })
  })

  it('GetVersion tells the version', async () => {
    expect(await stub.unary('getVersion', {})).toEqual({ version: packageVersion() })
  })

  it('calls are counted by method, and health knows the service', async () => {
    await stub.unary('getVersion', {})
    const labels = { method: 'GetVersion', code: 'OK' }
    await expect.poll(() => gateway.metric('flightgate_calls_total', labels)).toBeGreaterThan(0)
    const flight = new FlightStub(gateway.flight)
    const service = Buffer.from('flightgate.v1.GatewayService')
    const end = await flight.call('/grpc.health.v1.Health/Check', [
      Buffer.concat([Buffer.from([10, service.length]), service]),
    ])
    expect(end.messages).toEqual([Buffer.from([8, 1])])
    flight.close()
  })
})

function varint(value: number): number[] {
  return value > 127 ? [(value & 127) | 128, ...varint(value >> 7)] : [value]
}
