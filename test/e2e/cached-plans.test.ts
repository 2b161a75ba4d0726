import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

describe('kept plans', () => {
  let up: FakeUpstream
  let gateway: GatewayProcess
  let flight: FlightStub
  beforeAll(async () => {
    up = await FakeUpstream.start()
    const { uri } = up
    gateway = await GatewayProcess.start({ sources: { up: { kind: 'flightsql', uri, username: 'u', password: 'p' } } })
    flight = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    flight.close()
    expect(await gateway.stop()).toBe(0)
    await up.stop()
  })

  it('GetFlightInfo of the same statement again makes no call to the server, and its ticket gives rows', async () => {
    const text = 'SELECT ok 2 planned once'
    const before = { ...up.counts }
    const infos = [await flight.info(text), await flight.info(text), await flight.info(text)]
    expect(up.counts.plans - before.plans).toBe(1)
    expect(infos.map(({ schema }) => Buffer.from(schema).toString('hex'))).toEqual(
      Array.from({ length: 3 }, () => Buffer.from(infos[0]!.schema).toString('hex')),
    )
    const nothingStored = { 'cache-control': 'no-store' }
    for (const info of infos) {
      const { code, messages } = await flight.call('DoGet', [ticketOf(info)], nothingStored)
      expect([code, messages.length]).toEqual([0, 3])
    }
    expect(up.counts.executions - before.executions).toBe(3)
    const metric = await gateway.metrics()
    const kept = (result: string) => metric('flightgate_plan_cache_requests_total', { source: 'up', result })
    expect([kept('MISS'), kept('HIT')]).toEqual([1, 2])
  })

  it('run of the statement fails: the server plans it again', async () => {
    const text = 'SELECT fail 1 planned twice'
    const plans = up.counts.plans
    const info = await flight.info(text)
    expect((await flight.call('DoGet', [ticketOf(info)])).code).not.toBe(0)
    await flight.info(text)
    expect(up.counts.plans - plans).toBe(2)
  })
})
