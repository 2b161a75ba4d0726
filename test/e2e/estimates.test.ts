import { Int32, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  FlightData,
  FlightDescriptor,
  FlightInfo,
  PollInfo,
  PutResult,
  Result,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandPreparedStatementQuery,
  DoPutPreparedStatementResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { infoOf } from '../fakes/flight-messages.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const none = new Uint8Array(0)
const asked = { 'x-flightgate-estimate': 'true' }
const init = ['CREATE TABLE t AS SELECT i::INTEGER AS i FROM range(1000) r(i)', 'CREATE TABLE empty (i INTEGER)']
const demoEstimate = {
  data_source: 'demo',
  accuracy: 'estimated',
  bytes: 4000,
  rows: 1000,
  referenced_tables: ['demo.main.t'],
}

const estimateOf = ({ appMetadata }: FlightInfo) => JSON.parse(Buffer.from(appMetadata).toString()).estimate

describe('estimates for Flight clients', () => {
  let upstream: FakeUpstream
  /** What the fake upstream says of its next results. */
  let totals = { totalRecords: -1n, totalBytes: -1n, appMetadata: none as Uint8Array }
  let inner: GatewayProcess
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    const GetFlightInfo = () => {
      const endpoint = [{ ...FlightInfo.decode(infoOf(['ok'])).endpoint[0]!, appMetadata: Buffer.from('endpoint') }]
      const info = { ...FlightInfo.decode(infoOf(['ok'])), endpoint, ...totals }
      return { messages: [Buffer.from(FlightInfo.encode(info).finish())] }
    }
    upstream = await FakeUpstream.start({ login: false, answer: byMethod({ GetFlightInfo }) })
    const demo = { kind: 'duckdb', writes: true, init }
    inner = await GatewayProcess.start({ sources: { demo } })
    const other = { kind: 'flightsql', uri: upstream.uri }
    gateway = await GatewayProcess.start({
      sources: { demo, chained: { kind: 'flightsql', uri: inner.uri }, other },
      // The fake server answers the same text with other totals each time.
      cache: { planTtlMs: 0 },
      defaultSource: 'demo',
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect([await gateway.stop(), await inner.stop()]).toEqual([0, 0])
    await upstream.stop()
  })

  it('come in the application metadata of GetFlightInfo if the header asks for them, and only then', async () => {
    const info = await stub.info('SELECT * FROM t', asked)
    expect(estimateOf(info)).toEqual(demoEstimate)
    expect([info.totalRecords, info.totalBytes, info.endpoint.length]).toEqual([-1n, -1n, 1])
    for (const headers of [{}, { 'x-flightgate-estimate': 'false' }])
      expect((await stub.info('SELECT * FROM t', headers)).appMetadata.byteLength).toBe(0)
  })

  it('fail for a header with another value', async () => {
    const { code, details } = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], {
      'x-flightgate-estimate': '1',
    })
    expect([code, details]).toEqual([
      3,
      expect.stringContaining('The header x-flightgate-estimate must be true, only or false.'),
    ])
  })

  it('come with a statement that has changed data, and with metadata there is none', async () => {
    expect(estimateOf(await stub.info('INSERT INTO empty SELECT * FROM t', asked))).toEqual({
      data_source: 'demo',
      accuracy: 'estimated',
      bytes: 4000,
      referenced_tables: ['demo.main.t'],
    })
    const catalogs = descriptorOf(packAny('CommandGetCatalogs', none))
    const { messages } = await stub.call('GetFlightInfo', [catalogs], asked)
    expect(FlightInfo.decode(messages[0]!).appMetadata.byteLength).toBe(0)
  })

  it('come with the last answer of PollFlightInfo', async () => {
    const lastInfo = async (sql: string, headers: Readonly<Record<string, string>>): Promise<FlightInfo> => {
      for (let descriptor = commandOf(sql); ; ) {
        const { messages } = await stub.call('PollFlightInfo', [descriptor], headers)
        const { info, flightDescriptor } = PollInfo.decode(messages[0]!)
        if (!flightDescriptor) {
          // Otherwise the gateway keeps the statement, and waits for its client when it stops.
          expect((await stub.call('DoGet', [ticketOf(info!)])).code).toBe(0)
          return info!
        }
        descriptor = FlightDescriptor.encode(flightDescriptor).finish()
      }
    }
    expect(estimateOf(await lastInfo('SELECT * FROM t', asked))).toEqual(demoEstimate)
    expect((await lastInfo('SELECT 1', {})).appMetadata.byteLength).toBe(0)
  })

  it('of a prepared statement use its bound parameters', async () => {
    const request = ActionCreatePreparedStatementRequest.encode({
      query: 'SELECT i FROM t WHERE i < ?',
      transactionId: undefined,
    })
    const body = packAny('ActionCreatePreparedStatementRequest', request.finish())
    const action = Action.encode({ type: 'CreatePreparedStatement', body }).finish()
    const prepared = await stub.call('DoAction', [action], asked)
    const packed = unpackAny(Result.decode(prepared.messages[0]!).body)!
    const { preparedStatementHandle } = ActionCreatePreparedStatementResult.decode(packed.value)
    const commandFor = (handle: Uint8Array) =>
      descriptorOf(
        packAny(
          'CommandPreparedStatementQuery',
          CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish(),
        ),
      )
    const infoFor = async (handle: Uint8Array) => {
      const { messages } = await stub.call('GetFlightInfo', [commandFor(handle)], asked)
      return FlightInfo.decode(messages[0]!)
    }
    expect(estimateOf(await infoFor(preparedStatementHandle))).toEqual({
      data_source: 'demo',
      accuracy: 'unknown',
      referenced_tables: ['demo.main.t'],
    })
    const parameters = tableToIPC(new Table({ p: vectorFromArray([3], new Int32()) }), 'stream')
    const flightDescriptor = FlightDescriptor.decode(commandFor(preparedStatementHandle))
    const messages = [...readStream(parameters)].map(({ header, body }, i) =>
      FlightData.encode({
        flightDescriptor: i === 0 ? flightDescriptor : undefined,
        dataHeader: header,
        appMetadata: none,
        dataBody: body,
      }).finish(),
    )
    const put = PutResult.decode((await stub.call('DoPut', messages)).messages[0]!)
    const bound = DoPutPreparedStatementResult.decode(put.appMetadata).preparedStatementHandle!
    expect(estimateOf(await infoFor(bound))).toMatchObject({ accuracy: 'estimated', bytes: 4000 })
  })

  it('of a server that is a flightgate are the ones that it makes', async () => {
    const info = await stub.info('SELECT * FROM demo.main.t', { ...asked, 'x-flightgate-source': 'chained' })
    expect(estimateOf(info)).toEqual({ ...demoEstimate, data_source: 'chained' })
  })

  describe('of a server that announces totals', () => {
    const other = { ...asked, 'x-flightgate-source': 'other' }

    it.each([
      [42n, { accuracy: 'estimated', rows: 42 }],
      [0n, { accuracy: 'unknown' }],
      [-1n, { accuracy: 'unknown' }],
    ])('%s rows', async (totalRecords, expected) => {
      totals = { totalRecords, totalBytes: 1000n, appMetadata: none }
      expect(estimateOf(await stub.info('SELECT 1', other))).toEqual({ data_source: 'other', ...expected })
    })

    it("replace the server's own application metadata, but not that of its endpoint, and only if the client asks", async () => {
      totals = { totalRecords: -1n, totalBytes: -1n, appMetadata: Buffer.from('own') }
      const estimated = await stub.info('SELECT 1', other)
      expect(estimateOf(estimated)).toEqual({ data_source: 'other', accuracy: 'unknown' })
      const plain = await stub.info('SELECT 1', { 'x-flightgate-source': 'other' })
      expect(Buffer.from(plain.appMetadata).toString()).toBe('own')
      for (const { endpoint } of [estimated, plain])
        expect(Buffer.from(endpoint[0]!.appMetadata).toString()).toBe('endpoint')
      const headers = upstream.calls.filter(({ method }) => method === 'GetFlightInfo').map((call) => call.headers)
      expect(headers.at(-2)!['x-flightgate-estimate']).toBe('true')
      expect(headers.at(-1)!['x-flightgate-estimate']).toBeUndefined()
    })

    it.each([
      ['{"estimate":', { accuracy: 'unknown' }],
      ['{"estimate":null}', { accuracy: 'unknown' }],
      ['{"estimate":{"accuracy":"sure"}}', { accuracy: 'unknown' }],
      [
        '{"estimate":{"accuracy":"exact","bytes":-1,"rows":"5","referenced_tables":[1],"cost_usd":0.5}}',
        { accuracy: 'exact', cost_usd: 0.5 },
      ],
    ])('%s is read with care', async (text, expected) => {
      totals = { totalRecords: -1n, totalBytes: -1n, appMetadata: Buffer.from(text) }
      expect(estimateOf(await stub.info('SELECT 1', other))).toEqual({ data_source: 'other', ...expected })
    })
  })

  it.runIf(hasPython())('reach pyarrow, and do not disturb ADBC', async () => {
    const seen = await runPython<Record<string, unknown[]>>('estimates.py', gateway.uri)
    expect(seen['plain']).toEqual(['', -1, -1, 1000])
    expect(JSON.parse(seen['asked']![0] as string)).toEqual({ estimate: demoEstimate })
    expect(seen['asked']!.slice(1)).toEqual([-1, -1, 1000])
    expect(seen['adbc']).toEqual([3, 3])
  })
})
