import { Int32, Table, tableFromIPC, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { EstimateAccuracy, type Statement } from '../../gen/flightgate/v1/gateway_service.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { infoOf } from '../fakes/flight-messages.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub } from './gateway-stub.ts'

const init = [
  'CREATE TABLE t AS SELECT i::INTEGER AS i FROM range(1000) r(i)',
  "CREATE TABLE bulk AS SELECT i AS a, i AS b, i AS c, i AS d, i AS e, i AS f, i AS g, 'text' AS h FROM range(2000000) r(i)",
  'CREATE TABLE log AS SELECT 0 AS n',
]
const t = 'demo.main.t'
/** Members of a source that bills nothing. */
const nothingBilled = {
  billableBytes: undefined,
  slotMs: undefined,
  price: undefined,
  externalCosts: [],
  statementType: '',
  advice: [],
  refusal: '',
}

/** Estimates over gRPC and over HTTP, for each kind of source. */
describe('the estimate of each source', () => {
  let upstream: FakeUpstream
  let inner: GatewayProcess
  let gateway: GatewayProcess
  let stub: GatewayStub
  beforeAll(async () => {
    const GetFlightInfo = () => {
      const info = { ...FlightInfo.decode(infoOf(['ok'])), totalRecords: 42n, totalBytes: 1000n }
      return { messages: [Buffer.from(FlightInfo.encode(info).finish())] }
    }
    upstream = await FakeUpstream.start({ login: false, answer: byMethod({ GetFlightInfo }) })
    const demo = { kind: 'duckdb', writes: true, init }
    inner = await GatewayProcess.start({ sources: { demo } })
    gateway = await GatewayProcess.start({
      sources: {
        demo,
        chained: { kind: 'flightsql', uri: inner.uri },
        counting: { kind: 'flightsql', uri: upstream.uri },
      },
      defaultSource: 'demo',
    })
    stub = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect([await gateway.stop(), await inner.stop()]).toEqual([0, 0])
    await upstream.stop()
  })

  const overGrpc = async (query: string, more: Partial<Statement> = {}) => {
    const statement = {
      id: '',
      text: { $case: 'query', value: query },
      dataSource: '',
      parameters: new Uint8Array(0),
      ...more,
    } as const
    return (await stub.unary('estimateCost', { statement })).estimate!
  }
  const overHttp = async (body: object) => {
    const answer = await fetch(`http://${gateway.http}/api/v1/estimate-cost`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return [answer.status, await answer.json()]
  }
  const ESTIMATED = EstimateAccuracy.ESTIMATE_ACCURACY_ESTIMATED

  it('embedded DuckDB', async () => {
    const { schema, ...figures } = await overGrpc('SELECT * FROM t')
    expect(tableFromIPC(schema).schema.fields.map(String)).toEqual(['i: Int32'])
    expect(figures).toEqual({
      dataSource: 'demo',
      bytes: 4000n,
      rows: 1000n,
      costUsd: undefined,
      accuracy: ESTIMATED,
      referencedTables: [t],
      suggestions: [],
      ...nothingBilled,
    })
    const json = {
      data_source: 'demo',
      accuracy: 'estimated',
      bytes: 4000,
      rows: 1000,
      billable_bytes: null,
      cost_usd: null,
      slot_ms: null,
      price: null,
      external_costs: [],
      statement_type: null,
      referenced_tables: [t],
      suggestions: [],
      advice: [],
      refusal: null,
      columns: [{ name: 'i', type: 'int32', nullable: true }],
    }
    expect(await overHttp({ query: 'SELECT * FROM t' })).toEqual([200, json])
    expect(await overHttp({ table: 't' })).toEqual([200, json])
    expect((await overGrpc('SELECT * FROM bulk')).suggestions).toHaveLength(2)
  })

  it('a statement that reads nothing costs exactly 0 bytes', async () => {
    const exact = { bytes: 0n, rows: 1n, accuracy: EstimateAccuracy.ESTIMATE_ACCURACY_EXACT }
    expect(await overGrpc('SELECT 1')).toMatchObject(exact)
    expect(await overHttp({ query: 'SELECT 1' })).toMatchObject([200, { bytes: 0, rows: 1, accuracy: 'exact' }])
  })

  it('what is not known has no figure', async () => {
    const unknown = { bytes: undefined, rows: undefined, accuracy: EstimateAccuracy.ESTIMATE_ACCURACY_UNKNOWN }
    expect(await overGrpc('SELECT * FROM t WHERE i < ?')).toMatchObject({ ...unknown, referencedTables: [t] })
    expect(await overHttp({ query: 'SHOW TABLES' })).toMatchObject([
      200,
      { accuracy: 'unknown', bytes: null, rows: null },
    ])
  })

  it('parameters count', async () => {
    const parameters = tableToIPC(new Table({ p: vectorFromArray([3], new Int32()) }), 'stream')
    expect(await overGrpc('SELECT * FROM t WHERE i < ?', { parameters })).toMatchObject({ bytes: 4000n, rows: 200n })
    expect(await overHttp({ query: 'SELECT * FROM t WHERE i < ?', parameters: [3] })).toMatchObject([
      200,
      { bytes: 4000, rows: 200 },
    ])
  })

  it('a change does not run', async () => {
    expect(await overGrpc('INSERT INTO log SELECT i FROM t')).toMatchObject({ bytes: 4000n, rows: undefined })
    expect(await overHttp({ query: 'DELETE FROM log WHERE n % 2 = 0' })).toMatchObject([200, { bytes: 4 }])
    const [row] = await stub
      .read('execute', {
        statement: {
          id: '',
          text: { $case: 'query', value: 'SELECT 1 FROM log' },
          dataSource: '',
          parameters: new Uint8Array(0),
        },
      })
      .then((messages) => messages.slice(-1))
    expect(row!.part).toMatchObject({ $case: 'summary', value: { metrics: { rows: 1n } } })
  })

  it('a Flight SQL server that tells the rows of its result, and another flightgate', async () => {
    expect(await overGrpc('SELECT ok', { dataSource: 'counting' })).toMatchObject({
      dataSource: 'counting',
      bytes: undefined,
      rows: 42n,
      accuracy: ESTIMATED,
    })
    expect(await overHttp({ query: 'SELECT * FROM t', data_source: 'chained' })).toMatchObject([
      200,
      { data_source: 'chained', accuracy: 'estimated', bytes: 4000, rows: 1000, referenced_tables: [t] },
    ])
  })

  it('a batch has the sum, without a figure that one statement lacks', async () => {
    const queries = [
      { id: 'a', query: 'SELECT * FROM t' },
      { id: 'b', query: 'SELECT ok', data_source: 'counting' },
    ]
    const total = { accuracy: 'estimated', bytes: null, rows: 1042, referenced_tables: [t] }
    expect(await overHttp({ queries })).toMatchObject([200, { results: [{ id: 'a' }, { id: 'b' }], total }])
  })
})
