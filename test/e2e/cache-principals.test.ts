import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  Result as ActionResult,
  FlightDescriptor,
  FlightInfo,
  PollInfo,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandPreparedStatementQuery,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql, streamOf } from './gateway-stub.ts'
import { postJson } from './http-client.ts'

const keys = { ada: 'ada-key', bob: 'bob-key' } as const
type Who = keyof typeof keys

describe('the cache never gives a principal the rows of another one', () => {
  let upstream: FakeUpstream
  let gateway: GatewayProcess
  let flight: FlightStub
  let service: GatewayStub
  const headersOf = (who: Who) => ({ 'x-api-key': keys[who] })

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    const source = { kind: 'flightsql', uri: upstream.uri, username: 'u', password: 'p' }
    gateway = await GatewayProcess.start({
      auth: { apiKeys: Object.entries(keys).map(([name, key]) => ({ name, key })) },
      sources: { own: source, open: { ...source, cache: { scope: 'shared' } } },
      defaultSource: 'own',
    })
    flight = new FlightStub(gateway.flight)
    service = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    flight.close()
    service.close()
    expect(await gateway.stop()).toBe(0)
    await upstream.stop()
  })

  /** Number of executions at the upstream that reading a statement takes. */
  const executionsOf = async (read: () => Promise<unknown>): Promise<number> => {
    const before = upstream.counts.executions
    await read()
    return upstream.counts.executions - before
  }

  type Read = (who: Who, text: string, source: string) => Promise<unknown>

  const readFlight = async (who: Who, text: string, source: string, more: Readonly<Record<string, string>> = {}) => {
    const headers = { ...headersOf(who), 'x-flightgate-source': source, ...more }
    const end = await flight.call('DoGet', [ticketOf(await flight.info(text, headers))], headers)
    expect([end.code, end.details]).toEqual([0, ''])
  }
  const paths: readonly (readonly [string, Read])[] = [
    ['Flight', readFlight],
    ['Flight with an own key', (who, text, source) => readFlight(who, text, source, { 'x-flightgate-cache-key': 'k' })],
    ['Flight with tags', (who, text, source) => readFlight(who, text, source, { 'x-flightgate-cache-tags': 't' })],
    [
      'a prepared statement',
      async (who, text, source) => {
        const headers = { ...headersOf(who), 'x-flightgate-source': source }
        const request = ActionCreatePreparedStatementRequest.encode({ query: text, transactionId: undefined })
        const body = packAny('ActionCreatePreparedStatementRequest', request.finish())
        const action = Action.encode({ type: 'CreatePreparedStatement', body }).finish()
        const created = await flight.call('DoAction', [action], headers)
        const any = unpackAny(ActionResult.decode(created.messages[0]!).body)!
        const { preparedStatementHandle } = ActionCreatePreparedStatementResult.decode(any.value)
        const command = CommandPreparedStatementQuery.encode({ preparedStatementHandle }).finish()
        const asked = [descriptorOf(packAny('CommandPreparedStatementQuery', command))]
        const planned = await flight.call('GetFlightInfo', asked, headers)
        const ticket = ticketOf(FlightInfo.decode(planned.messages[0]!))
        expect((await flight.call('DoGet', [ticket], headers)).code).toBe(0)
      },
    ],
    [
      'a poll',
      async (who, text, source) => {
        const headers = { ...headersOf(who), 'x-flightgate-source': source }
        let asked = commandOf(text)
        for (;;) {
          const { code, details, messages } = await flight.call('PollFlightInfo', [asked], headers)
          expect([code, details]).toEqual([0, ''])
          const { flightDescriptor, info } = PollInfo.decode(messages[0]!)
          if (!flightDescriptor) {
            expect((await flight.call('DoGet', [ticketOf(info!)], headers)).code).toBe(0)
            return
          }
          asked = FlightDescriptor.encode(flightDescriptor).finish()
        }
      },
    ],
    [
      'a batch of the Gateway service',
      async (who, text, dataSource) => {
        const statements = [sql(text, { dataSource, id: 'a' }), sql('SELECT ok 1 besides', { dataSource, id: 'b' })]
        const messages = await service.read('executeBatch', { statements, options: undefined }, headersOf(who))
        expect(streamOf(messages, 'a').length).toBeGreaterThan(0)
      },
    ],
    [
      'a batch over HTTP',
      async (who, text, source) => {
        const body = { queries: [{ id: 'a', query: text, data_source: source }] }
        const answer = await postJson(gateway, '/api/v1/batch', body, headersOf(who))
        expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"row_count"')])
      },
    ],
    [
      'the Gateway service',
      async (who, text, dataSource) =>
        expect(
          streamOf(await service.read('execute', { statement: sql(text, { dataSource }) }, headersOf(who))).length,
        ).toBeGreaterThan(0),
    ],
    [
      'HTTP',
      async (who, text, source) => {
        const body = { query: text, data_source: source }
        const answer = await postJson(gateway, '/api/v1/query', body, headersOf(who))
        expect([answer.status, await answer.text()]).toEqual([200, expect.anything()])
      },
    ],
  ]

  it.each(paths)('over %s', async (name, read) => {
    const text = `SELECT ok 1 over ${name.replaceAll(' ', '_')}`
    // The other statement of a batch.
    for (const who of ['ada', 'bob'] as const) await readFlight(who, 'SELECT ok 1 besides', 'own')
    expect(await executionsOf(() => read('ada', text, 'own'))).toBe(1)
    expect(await executionsOf(() => read('bob', text, 'own'))).toBe(1)
    expect(await executionsOf(() => read('ada', text, 'own'))).toBe(0)
    expect(await executionsOf(() => read('bob', text, 'own'))).toBe(0)
  })

  it('a ticket of another principal is refused, whatever the cache has', async () => {
    const ticket = ticketOf(await flight.info('SELECT ok 1 ticket', headersOf('ada')))
    expect((await flight.call('DoGet', [ticket], headersOf('ada'))).code).toBe(0)
    const end = await flight.call('DoGet', [ticket], headersOf('bob'))
    expect([end.code, end.trailers!.get('x-flightgate-error')]).toEqual([7, ['FOREIGN_TICKET']])
  })

  it('the log tells what the cache did', async () => {
    const text = 'SELECT ok 1 logged'
    for (let i = 0; i < 2; i++) await readFlight('ada', text, 'own')
    const told = () =>
      gateway.lines.filter(({ event, step }) => event === 'statement' && step === 'run').map((l) => l['cache'])
    await expect.poll(() => told().slice(-2)).toEqual(['MISS', 'HIT'])
  })

  it.each(paths)('with scope shared all get the same rows, over %s', async (name, read) => {
    const text = `SELECT ok 1 shared over ${name.replaceAll(' ', '_')}`
    await readFlight('ada', 'SELECT ok 1 besides', 'open')
    expect(await executionsOf(() => read('ada', text, 'open'))).toBe(1)
    expect(await executionsOf(() => read('bob', text, 'open'))).toBe(0)
  })
})
