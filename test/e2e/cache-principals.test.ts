import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
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
  const paths: readonly (readonly [string, Read])[] = [
    [
      'Flight',
      async (who, text, source) => {
        const headers = { ...headersOf(who), 'x-flightgate-source': source }
        const end = await flight.call('DoGet', [ticketOf(await flight.info(text, headers))], headers)
        expect(end.code).toBe(0)
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
    expect(await executionsOf(() => read('ada', text, 'own'))).toBe(1)
    expect(await executionsOf(() => read('bob', text, 'own'))).toBe(1)
    expect(await executionsOf(() => read('ada', text, 'own'))).toBe(0)
    expect(await executionsOf(() => read('bob', text, 'own'))).toBe(0)
  })

  it.each(paths)('with scope shared all get the same rows, over %s', async (name, read) => {
    const text = `SELECT ok 1 shared over ${name.replaceAll(' ', '_')}`
    expect(await executionsOf(() => read('ada', text, 'open'))).toBe(1)
    expect(await executionsOf(() => read('bob', text, 'open'))).toBe(0)
  })
})
