import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRoapi, type Roapi, roapiLogin, startRoapi } from '../standins/roapi.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const goods = 'id,name,price\n1,one,1.5\n2,two,2.5\n3,three,\n'

describe.runIf(hasPython() && hasRoapi())('in front of ROAPI', () => {
  let roapi: Roapi
  let gateway: GatewayProcess
  let seen: Record<string, unknown>

  beforeAll(async () => {
    roapi = await startRoapi({ goods })
    gateway = await GatewayProcess.start({ sources: { api: { kind: 'flightsql', uri: roapi.uri, ...roapiLogin } } })
    seen = await runPython('roapi.py', gateway.uri)
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    await roapi.stop()
  })

  it('relays rows and types, large results and none', () => {
    expect(seen['pyarrow_rows']).toEqual([
      { id: 1, name: 'one', price: 1.5 },
      { id: 2, name: 'two', price: 2.5 },
      { id: 3, name: 'three', price: null },
    ])
    expect(seen['pyarrow_types']).toEqual({ id: 'int64', name: 'string', price: 'double' })
    expect(seen['pyarrow_large']).toEqual([300_000, 45_000_150_000])
    expect(seen['pyarrow_no_rows']).toBe(0)
    expect(seen['adbc_rows']).toEqual([['two']])
  })

  it('tells tables, columns and their types', () => {
    expect(seen['adbc_objects']).toEqual(['id', 'name', 'price'].map((column) => `roapi.public.goods.${column}`))
    expect(seen['adbc_table_schema']).toEqual({ id: 'int64', name: 'string', price: 'double' })
  })

  // ROAPI calls everything that goes wrong INTERNAL, so its words are in the gateway's log alone.
  it.each(['adbc_unknown_column', 'adbc_division_by_zero'])('says that the server failed: %s', (step) => {
    expect(seen[step]).toMatchObject({ error: 'InternalError', status: 'INTERNAL' })
    expect((seen[step] as { text: string }).text).toContain('The source api failed at the statement')
  })

  it.each(['pyarrow_unknown_table', 'pyarrow_bad_sql'])('says that the server failed: %s', (step) => {
    expect(seen[step]).toMatchObject({ error: 'FlightInternalError' })
    expect((seen[step] as { text: string }).text).toContain('The source api failed at the statement')
  })

  it('logs the words of the server', () => {
    const causes = gateway.lines.flatMap(({ err }) => (err ? [(err as { message: string }).message] : []))
    expect(causes).toContainEqual(expect.stringContaining("table 'roapi.public.missing' not found"))
    expect(causes).toContainEqual(expect.stringContaining('No field named nothing'))
  })

  it('says what the server does not offer', () => {
    expect(seen['adbc_parameters']).toMatchObject({ error: 'NotSupportedError', status: 'NOT_IMPLEMENTED' })
    expect((seen['adbc_table_types'] as { text: string }).text).toContain('The source api does not offer this.')
  })

  it('redeems each of the server’s tickets once', async () => {
    const stub = new FlightStub(gateway.flight)
    const executedBefore = roapi.executed().length
    const redeemedBefore = roapi.redeemed().length
    for (let i = 0; i < 5; i++) {
      const info = await stub.info(`SELECT ${i} AS i FROM goods`)
      expect((await stub.call('DoGet', [ticketOf(info)])).code).toBe(0)
    }
    stub.close()
    await expect.poll(() => roapi.redeemed().length).toBe(redeemedBefore + 5)
    expect(roapi.executed().length).toBe(executedBefore + 5)
    expect(new Set(roapi.redeemed()).size).toBe(roapi.redeemed().length)
  })

  it('lets go of a statement whose client’s time is over, although the server counts on', async () => {
    const stub = new FlightStub(gateway.flight)
    const numbers = 'generate_series(1, 1000000)'
    const endless = commandOf(`SELECT sum(a.i * b.i) FROM ${numbers} AS a(i), ${numbers} AS b(i)`)
    const { code } = await stub.call('GetFlightInfo', [endless], {}, 500)
    expect(code).toBe(4)
    const ended = gateway.line(({ code }) => code === 'DEADLINE' || code === 'CANCELLED')
    await expect(ended).resolves.toMatchObject({ event: 'call', method: 'GetFlightInfo' })
    stub.close()
  })

  it('has every connection back', async () => {
    await expect.poll(() => gateway.metric('flightgate_pool_connections', { state: 'in_use' })).toBe(0)
    expect(await gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })
})
