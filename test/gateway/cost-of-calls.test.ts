import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  Action,
  FlightData,
  FlightDescriptor,
  FlightInfo,
  GetSessionOptionsResult,
  PollInfo,
  Result,
  type SessionOptionValue,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandPreparedStatementQuery,
  CommandStatementUpdate,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import type { Statement } from '../../gen/flightgate/v1/gateway_service.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts'
import { sourceKinds } from '../../src/sources/kinds.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayStub } from '../e2e/gateway-stub.ts'
import { configOf } from './kinds-with-dummy.ts'
import { type PricedSource, pricedKind } from './priced-source.ts'

type Headers = Readonly<Record<string, string>>
const putOf = (command: Uint8Array) =>
  FlightData.encode({
    flightDescriptor: FlightDescriptor.decode(descriptorOf(command)),
    dataHeader: none,
    appMetadata: none,
    dataBody: none,
  }).finish()
const only = { 'x-flightgate-estimate': 'only' }
const none = new Uint8Array(0)

/** A gateway with a source whose plans have a price: what clients see of it, and what they may allow. */
describe('what a statement costs, for clients', () => {
  let gateway: Gateway
  let source: PricedSource
  let stub: FlightStub
  let service: GatewayStub

  beforeAll(async () => {
    const kinds = { ...sourceKinds, dummy: pricedKind }
    const config = configOf({
      // Each statement reaches the source.
      cache: { maxBytes: 0 },
      sources: { priced: { kind: 'dummy' }, plain: { kind: 'duckdb' } },
      defaultSource: 'priced',
    })
    gateway = await startGateway(config, pino({ level: 'silent' }), kinds)
    source = pricedKind.opened!
    stub = new FlightStub(gateway.addresses.flight)
    service = new GatewayStub(gateway.addresses.flight)
  })
  afterAll(async () => {
    stub.close()
    service.close()
    await gateway.stop()
  })
  beforeEach(() => {
    source.planned.length = 0
    source.ran.length = 0
  })

  const costsOf = (metadata: CallEnd['headers']) =>
    Object.fromEntries(
      Object.entries(metadata?.getMap() ?? {}).filter(([name]) => /^x-flightgate-(est|acc|bill|cost)/.test(name)),
    )
  const estimated = {
    'x-flightgate-estimated-bytes': '10485760',
    'x-flightgate-estimated-cost-usd': '0.000059605',
    'x-flightgate-accuracy': 'exact',
  }
  const billed = { 'x-flightgate-billed-bytes': '20971520', 'x-flightgate-cost-usd': '0.00011921' }
  const infoFor = (sql: string, headers: Headers = {}) => stub.call('GetFlightInfo', [commandOf(sql)], headers)
  const post = (path: string, body: object, headers: Headers = {}) =>
    fetch(`http://${gateway.addresses.http}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const statement = (query: string, more: Partial<Statement> = {}): { statement: Statement } => ({
    statement: {
      id: '',
      text: { $case: 'query', value: query },
      dataSource: '',
      parameters: none,
      ...more,
    } as Statement,
  })

  it('Flight: the estimate comes with GetFlightInfo, the bill as trailing metadata of DoGet', async () => {
    const info = await infoFor('SELECT 1')
    expect(costsOf(info.headers)).toEqual(estimated)
    const ticket = ticketOf(FlightInfo.decode(info.messages[0]!))
    const result = await stub.call('DoGet', [ticket])
    expect(result.details).toBe('')
    expect(costsOf(result.headers)).toEqual({})
    expect(costsOf(result.trailers)).toEqual(billed)
  })

  it('Flight: a change that ran in GetFlightInfo or DoPut tells its bill', async () => {
    expect(costsOf((await infoFor('CHANGE 1')).headers)).toEqual({ ...estimated, ...billed })
    const update = packAny(
      'CommandStatementUpdate',
      CommandStatementUpdate.encode({ query: 'CHANGE 2', transactionId: undefined }).finish(),
    )
    const put = await stub.call('DoPut', [putOf(update)])
    expect([put.details, costsOf(put.trailers)]).toEqual(['', billed])
  })

  it('a source that bills nothing: no header', async () => {
    const info = await infoFor('SELECT 1', { 'x-flightgate-source': 'plain' })
    expect(costsOf(info.headers)).toEqual({})
    const { trailers } = await stub.call('DoGet', [ticketOf(FlightInfo.decode(info.messages[0]!))])
    expect(costsOf(trailers)).toEqual({})
  })

  it('Gateway service: the bill is in the metrics and the trailing metadata', async () => {
    const parts = await service.read('execute', statement('SELECT 1'))
    const { part } = parts.at(-1)!
    expect(part).toMatchObject({ value: { metrics: { costUsd: 0.00011921, billedBytes: 20_971_520n } } })
  })

  it('HTTP: the estimate is in the headers, the bill in the metrics', async () => {
    const answer = await post('query', { query: 'SELECT 1' })
    for (const [name, value] of Object.entries(estimated)) expect(answer.headers.get(name)).toBe(value)
    expect(await answer.json()).toMatchObject({ metrics: { cost_usd: 0.00011921, billed_bytes: 20_971_520 } })
    const plain = await post('query', { query: 'SELECT 1', data_source: 'plain' })
    expect([...plain.headers.keys()].filter((name) => name.includes('estimated'))).toEqual([])
  })

  describe('the client may lower the limits', () => {
    const caps = { 'x-flightgate-max-cost-usd': '0.25', 'x-flightgate-max-bytes-billed': '1000' }
    const capped = { maxCostUsd: 0.25, maxBilledBytes: 1000 }

    it('by headers, which travel in the ticket', async () => {
      const info = await infoFor('SELECT 1', caps)
      expect(source.planned[0]!.session).toMatchObject(capped)
      await stub.call('DoGet', [ticketOf(FlightInfo.decode(info.messages[0]!))])
      expect(source.ran[0]!.session).toMatchObject(capped)
    })

    it('by headers of DoGet, down and never up', async () => {
      const { messages } = await infoFor('SELECT 1', caps)
      const ticket = ticketOf(FlightInfo.decode(messages[0]!))
      await stub.call('DoGet', [ticket], { 'x-flightgate-max-cost-usd': '0.5', 'x-flightgate-max-bytes-billed': '7' })
      expect(source.ran[0]!.session).toMatchObject({ maxCostUsd: 0.25, maxBilledBytes: 7 })
    })

    it('by headers of the call that runs a prepared statement', async () => {
      const handle = await prepare('SELECT 1')
      const command = packAny(
        'CommandPreparedStatementQuery',
        CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish(),
      )
      await stub.call('GetFlightInfo', [descriptorOf(command)], caps)
      expect(source.planned.at(-1)!.session).toMatchObject(capped)
    })

    it('by session options, together with headers', async () => {
      const set = async (options: Record<string, SessionOptionValue>, headers: Headers = {}) => {
        const end = await act(
          'SetSessionOptions',
          SetSessionOptionsRequest.encode({ sessionOptions: options }).finish(),
          headers,
        )
        return {
          cookie: String(end.headers!.get('set-cookie')[0]).split(';')[0]!,
          ...SetSessionOptionsResult.decode(bodyOf(end)),
        }
      }
      const double = (value: number): SessionOptionValue => ({ optionValue: { $case: 'doubleValue', value } })
      const text = (value: string): SessionOptionValue => ({ optionValue: { $case: 'stringValue', value } })
      const { cookie, errors } = await set({ max_cost_usd: double(0.5), max_bytes_billed: text('1000') })
      expect(errors).toEqual({})
      await infoFor('SELECT 1', { cookie, 'x-flightgate-max-cost-usd': '0.25' })
      expect(source.planned[0]!.session).toMatchObject(capped)
      const { sessionOptions } = GetSessionOptionsResult.decode(
        bodyOf(await act('GetSessionOptions', none, { cookie })),
      )
      expect(sessionOptions).toMatchObject({
        max_cost_usd: double(0.5),
        max_bytes_billed: { optionValue: { $case: 'int64Value', value: 1000n } },
      })
      const wrong = { max_cost_usd: text('much'), max_bytes_billed: double(1.5) }
      expect((await set(wrong, { cookie })).errors).toEqual({
        max_cost_usd: { value: 2 },
        max_bytes_billed: { value: 2 },
      })
    })

    it('by members of a request over HTTP and the Gateway service', async () => {
      await post('query', { query: 'SELECT 1', max_cost_usd: 0.25, max_bytes_billed: 1000 })
      expect(source.planned[0]!.session).toEqual(capped)
      await service.read('execute', statement('SELECT 2', { maxCostUsd: 0.25, maxBytesBilled: 1000n }))
      expect(source.planned[1]!.session).toMatchObject(capped)
      expect((await post('query', { query: 'SELECT 1', max_cost_usd: -1 })).status).toBe(400)
    })

    it('by a label, under which the cost counts: the header of a call takes the place of the session option', async () => {
      const option = (value: string): SessionOptionValue => ({ optionValue: { $case: 'stringValue', value } })
      const set = (label: SessionOptionValue, headers: Headers = {}) =>
        act('SetSessionOptions', SetSessionOptionsRequest.encode({ sessionOptions: { label } }).finish(), headers)
      const cookie = String((await set(option('Nightly'))).headers!.get('set-cookie')[0]).split(';')[0]!
      await infoFor('SELECT 1', { cookie })
      const { messages } = await infoFor('SELECT 2', { cookie, 'x-flightgate-label': 'ETL_1' })
      await stub.call('DoGet', [ticketOf(FlightInfo.decode(messages[0]!))])
      await post('query', { query: 'SELECT 3' }, { 'x-flightgate-label': 'web' })
      expect(source.planned.map(({ session }) => session.label)).toEqual(['nightly', 'etl_1', 'web'])
      expect(source.ran[0]!.session.label).toBe('etl_1')
      const { sessionOptions } = GetSessionOptionsResult.decode(
        bodyOf(await act('GetSessionOptions', none, { cookie })),
      )
      expect(sessionOptions).toMatchObject({ label: option('nightly') })
      const { errors } = SetSessionOptionsResult.decode(bodyOf(await set(option('a b'), { cookie })))
      expect(errors).toEqual({ label: { value: 2 } })
    })

    it.each([
      ['x-flightgate-label', ''],
      ['x-flightgate-label', 'two words'],
      ['x-flightgate-label', 'a'.repeat(64)],
      ['x-flightgate-max-cost-usd', '-1'],
      ['x-flightgate-max-cost-usd', '1e3'],
      ['x-flightgate-max-cost-usd', ''],
      ['x-flightgate-max-bytes-billed', '1.5'],
      ['x-flightgate-max-bytes-billed', '99999999999999999999'],
    ])('%s: %j is refused', async (name, value) => {
      const { code, details } = await infoFor('SELECT 1', { [name]: value })
      expect([code, details]).toEqual([3, expect.stringContaining(`The header ${name} must be`)])
      expect((await post('query', { query: 'SELECT 1' }, { [name]: value })).status).toBe(400)
    })
  })

  describe('x-flightgate-estimate: only', () => {
    it.each(['SELECT 1', 'CHANGE 1'])(
      'GetFlightInfo of %s: the estimate, the schema and no endpoint; nothing runs',
      async (sql) => {
        const { messages, headers } = await infoFor(sql, only)
        const info = FlightInfo.decode(messages[0]!)
        expect(JSON.parse(Buffer.from(info.appMetadata).toString()).estimate).toMatchObject({
          accuracy: 'exact',
          bytes: 5,
        })
        expect([info.endpoint, info.schema.byteLength > 0, costsOf(headers)]).toEqual([[], true, estimated])
        expect(source.planned[0]!.estimate).toBe(true)
        expect(source.ran).toEqual([])
      },
    )

    it('PollFlightInfo ends at once, without an endpoint', async () => {
      const { messages } = await stub.call('PollFlightInfo', [commandOf('CHANGE 1')], only)
      const { info, flightDescriptor } = PollInfo.decode(messages[0]!)
      expect([info!.endpoint, flightDescriptor, info!.appMetadata.byteLength > 0]).toEqual([[], undefined, true])
      expect(source.ran).toEqual([])
    })

    it('USE changes nothing', async () => {
      const { messages, headers } = await infoFor('USE plain', only)
      expect([FlightInfo.decode(messages[0]!).endpoint, headers?.get('set-cookie')]).toEqual([[], []])
    })

    it('preparing works, and everything that would run is refused', async () => {
      await prepare('SELECT 1', only)
      const refused = expect.stringContaining('lets nothing run')
      const ticket = ticketOf(FlightInfo.decode((await infoFor('SELECT 1')).messages[0]!))
      expect((await stub.call('DoGet', [ticket], only)).details).toEqual(refused)
      const update = CommandStatementUpdate.encode({ query: 'CHANGE 2', transactionId: undefined }).finish()
      expect((await stub.call('DoPut', [putOf(packAny('CommandStatementUpdate', update))], only)).details).toEqual(
        refused,
      )
      await expect(service.read('execute', statement('SELECT 1'), only)).rejects.toThrow('lets nothing run')
      for (const [path, body] of [
        ['query', { query: 'SELECT 1' }],
        ['batch', { queries: [{ query: 'SELECT 1' }] }],
      ] as const)
        expect((await post(path, body, only)).status).toBe(400)
      expect(source.ran).toEqual([])
    })
  })

  const act = (type: string, body: Uint8Array, headers: Headers = {}) =>
    stub.call('DoAction', [Action.encode({ type, body }).finish()], headers)
  const bodyOf = ({ messages }: CallEnd) => Result.decode(messages[0]!).body

  async function prepare(query: string, headers: Headers = {}): Promise<Uint8Array> {
    const request = ActionCreatePreparedStatementRequest.encode({ query, transactionId: undefined }).finish()
    const end = await act('CreatePreparedStatement', packAny('ActionCreatePreparedStatementRequest', request), headers)
    expect(costsOf(end.headers)).toEqual(estimated)
    return ActionCreatePreparedStatementResult.decode(unpackAny(bodyOf(end))!.value).preparedStatementHandle
  }
})
