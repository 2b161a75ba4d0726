import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightDescriptor, PollInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql } from './gateway-stub.ts'
import { postJson } from './http-client.ts'
import { PricedShop } from './priced-shop.ts'

const key = { 'x-api-key': 'key of part' }
const statement = 'SELECT n FROM shop.t'
const grant = { verbs: ['read'], sources: ['wh'], schemas: ['shop'] }
const rolesOf = (...grants: object[]) => ({ roles: { part: { grants } } })

describe('grants on a part of BigQuery', () => {
  let shop: PricedShop
  let gateway: GatewayProcess
  let flight: FlightStub
  let service: GatewayStub

  beforeAll(async () => {
    shop = await PricedShop.start(0)
    const auth = { apiKeys: [{ name: 'part', key: 'key of part', roles: ['part'] }] }
    gateway = await GatewayProcess.start(shop.configOf({ auth, defaultSource: 'wh', ...rolesOf(grant) }))
    flight = new FlightStub(gateway.flight)
    service = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    flight.close()
    service.close()
    expect(await gateway.stop()).toBe(0)
    await shop.fake.close()
  })

  const redeem = async (ticket: Uint8Array) => {
    const { code, details } = await flight.call('DoGet', [ticket], key)
    return [code, details]
  }

  it('let its statements run in every way', async () => {
    expect(await redeem(ticketOf(await flight.info(statement, key)))).toEqual([0, ''])
    // Its plan is kept now.
    const headers = { ...key, 'cache-control': 'no-cache' }
    expect(await redeem(ticketOf(await flight.info(statement, headers)))).toEqual([0, ''])
    let polled = await flight.call('PollFlightInfo', [commandOf(statement)], key)
    for (;;) {
      const { flightDescriptor, info } = PollInfo.decode(polled.messages[0]!)
      if (!flightDescriptor) {
        expect(await redeem(ticketOf(info!))).toEqual([0, ''])
        break
      }
      polled = await flight.call('PollFlightInfo', [FlightDescriptor.encode(flightDescriptor).finish()], key)
    }
    await service.read('execute', { statement: sql(statement), options: undefined } as never, key)
    const batch = { statements: [sql(`${statement} LIMIT 1`)], options: undefined }
    const answers = JSON.stringify(await service.read('executeBatch', batch as never, key), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    expect(answers).not.toContain('FORBIDDEN')
    for (const [path, body] of [
      ['query', { query: `${statement} LIMIT 2` }],
      ['stream/sse', { query: `${statement} LIMIT 3` }],
      ['batch', { queries: [{ query: `${statement} LIMIT 4` }] }],
    ] as const) {
      const response = await postJson(gateway, `/api/v1/${path}`, body, key)
      expect([path, response.status, await response.text()]).toEqual([
        path,
        200,
        expect.not.stringContaining('FORBIDDEN'),
      ])
    }
  })

  it('refuse a ticket that was planned with others, until the statement is planned again', async () => {
    const ticket = ticketOf(await flight.info(statement, key))
    await gateway.reload(rolesOf(grant, { verbs: ['read'], sources: ['wh'], schemas: ['more'] }))
    expect(await redeem(ticket)).toEqual([7, expect.stringContaining('plan it again')])
    expect(await redeem(ticketOf(await flight.info(statement, key)))).toEqual([0, ''])
  })
})
