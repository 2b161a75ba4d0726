import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRoapi, type Roapi, roapiLogin, startRoapi } from '../fakes/roapi.ts'
import { printSeedOnFailure, SlicingProxy } from '../fakes/slicing-proxy.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'
import { endOf, openCall } from './raw-do-get.ts'

const goods = 'id,name,price\n1,one,1.5\n2,two,2.5\n3,three,\n'

const ways = [
  { way: 'directly', isSliced: false },
  { way: 'over a network that cuts everything into small pieces', isSliced: true },
]

describe.runIf(hasPython() && hasRoapi()).each(ways)('in front of ROAPI, $way', ({ isSliced }) => {
  let proxy: SlicingProxy | undefined
  let roapi: Roapi
  let gateway: GatewayProcess
  let seen: Record<string, unknown>

  printSeedOnFailure(() => proxy)
  beforeAll(async () => {
    roapi = await startRoapi({ goods })
    if (isSliced) proxy = await SlicingProxy.inFrontOf(roapi.uri)
    const { uri } = proxy ?? roapi
    gateway = await GatewayProcess.start({ sources: { api: { kind: 'flightsql', uri, ...roapiLogin } } })
    seen = await runPython('roapi.py', gateway.uri)
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    await proxy?.stop()
    await roapi.stop()
  })

  it('relays rows and types, large and empty results', () => {
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

  it('lists tables, columns and their types', () => {
    expect(seen['adbc_objects']).toEqual(['id', 'name', 'price'].map((column) => `roapi.public.goods.${column}`))
    expect(seen['adbc_table_schema']).toEqual({ id: 'int64', name: 'string', price: 'double' })
  })

  // ROAPI reports every error as INTERNAL, with a location in its source code.
  it.each([
    ['adbc_unknown_column', 'No field named nothing'],
    ['adbc_division_by_zero', 'Divide by zero'],
    ['pyarrow_unknown_table', "table 'roapi.public.missing' not found"],
    ['pyarrow_bad_sql', 'SELEC'],
  ])('bad statement: client gets the server’s message without source locations: %s', (step, words) => {
    const { error, text } = seen[step] as { error: string; text: string }
    expect(['ProgrammingError', 'ArrowInvalid']).toContain(error)
    expect(text).toContain(words)
    expect(text).not.toContain('.rs:')
  })

  it('reports unsupported features, and emulates those it can', () => {
    expect(seen['adbc_parameters']).toMatchObject({ error: 'NotSupportedError', status: 'NOT_IMPLEMENTED' })
    expect(seen['adbc_table_types']).toEqual(['table'])
  })

  it('client redeems a ticket twice: the gateway plans again, as the server’s tickets are valid once', async () => {
    const stub = new FlightStub(gateway.flight)
    const ticket = ticketOf(await stub.info('SELECT * FROM generate_series(1, 300000) AS t(i)'))
    const [first, again] = [await stub.call('DoGet', [ticket]), await stub.call('DoGet', [ticket])]
    expect([first.code, again.code]).toEqual([0, 0])
    expect(again.messages.length).toBe(first.messages.length)
    stub.close()
  })

  it('redeems each server ticket exactly once', async () => {
    const stub = new FlightStub(gateway.flight)
    /** Plans a statement. Once the server's log has its line, it has those of all earlier calls too. */
    const logged = async (sql: string) => {
      await stub.info(sql)
      await expect.poll(() => roapi.executed()).toContain(sql)
      return { executed: roapi.executed().length, redeemed: roapi.redeemed().length }
    }
    const before = await logged("SELECT 'before' FROM goods")
    for (let i = 0; i < 5; i++) {
      const info = await stub.info(`SELECT ${i} AS i FROM goods`)
      expect((await stub.call('DoGet', [ticketOf(info)])).code).toBe(0)
    }
    const after = await logged("SELECT 'after' FROM goods")
    expect(after).toEqual({ executed: before.executed + 6, redeemed: before.redeemed + 5 })
    stub.close()
    expect(new Set(roapi.redeemed()).size).toBe(roapi.redeemed().length)
  })

  it('client’s deadline passes: the statement ends at the gateway although the server keeps computing', async () => {
    const session = connect(`http://${gateway.flight}`)
    const numbers = 'generate_series(1, 1000000)'
    const endless = commandOf(`SELECT sum(a.i * b.i) FROM ${numbers} AS a(i), ${numbers} AS b(i)`)
    // The gateway alone counts the time: the client waits until it answers.
    const { status } = await endOf(openCall(session, 'GetFlightInfo', endless, { 'grpc-timeout': '500m' }))
    expect(status).toBe(4)
    const ended = gateway.line(({ code }) => code === 'DEADLINE' || code === 'CANCELLED')
    await expect(ended).resolves.toMatchObject({ event: 'call', method: 'GetFlightInfo' })
    session.destroy()
  })

  it('leaks no connection and no statement', async () => {
    await expect.poll(() => gateway.metric('flightgate_pool_connections', { state: 'in_use' })).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })
})
