import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  CloseSessionResult,
  FlightInfo,
  GetSessionOptionsResult,
  Result,
  type SessionOptionValue,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { CommandGetTables } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { joinStream, readStream } from '../../src/arrow/ipc/ipc.ts'
import { decodeSchema } from '../../src/arrow/schema.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

type Headers = Readonly<Record<string, string>>
const text = (value: string): SessionOptionValue => ({ optionValue: { $case: 'stringValue', value } })
const number = (value: number): SessionOptionValue => ({ optionValue: { $case: 'int64Value', value: BigInt(value) } })
const flag = (value: boolean): SessionOptionValue => ({ optionValue: { $case: 'boolValue', value } })
const unset: SessionOptionValue = { optionValue: undefined }
const tables = [
  'CREATE TABLE t AS SELECT 1 AS in_main',
  'CREATE SCHEMA other',
  'CREATE TABLE other.t AS SELECT 1 AS in_other',
]

describe('sessions', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  const key: Headers = { 'x-api-key': 'k' }

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'me', key: 'k' },
          { name: 'other', key: 'o' },
          { name: 'third', key: 't' },
        ],
      },
      sources: {
        demo: {
          kind: 'duckdb',
          init: ['CREATE TABLE huge AS SELECT 1::HUGEINT AS h', ...tables],
        },
        second: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT 1 AS in_second'] },
      },
      defaultSource: 'demo',
      limits: { maxSessionsPerPrincipal: 5 },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
  })

  const act = async (type: string, body: Uint8Array, headers: Headers, at = stub) => {
    const end = await at.call('DoAction', [Action.encode({ type, body }).finish()], headers)
    return { end, body: end.messages.length > 0 ? Result.decode(end.messages[0]!).body : new Uint8Array(0) }
  }
  const set = async (sessionOptions: Record<string, SessionOptionValue>, headers: Headers, at = stub) => {
    const { end, body } = await act(
      'SetSessionOptions',
      SetSessionOptionsRequest.encode({ sessionOptions }).finish(),
      headers,
      at,
    )
    return {
      code: end.code,
      errors: SetSessionOptionsResult.decode(body).errors,
      cookie: end.headers?.get('set-cookie')[0],
    }
  }
  const get = async (headers: Headers) =>
    GetSessionOptionsResult.decode((await act('GetSessionOptions', new Uint8Array(0), headers)).body).sessionOptions
  const columnOf = async (headers: Headers, at = stub) => {
    const info = await at.info('SELECT * FROM t', headers)
    const { messages } = await at.call('DoGet', [ticketOf(info)], headers)
    return decodeSchema(readFlightData(messages[0]!).header).children[0]!.name
  }
  const login = async (own = 'k'): Promise<Headers> => {
    const end = await stub.call('Handshake', [], { authorization: `Bearer ${own}` })
    return { authorization: String(end.headers!.get('authorization')[0]) }
  }

  it('set catalog, schema and source for the client with their cookie', async () => {
    expect(await columnOf(key)).toBe('in_main')
    const { code, errors, cookie } = await set({ schema: text('other') }, key)
    expect([code, errors]).toEqual([0, {}])
    const mine = { ...key, cookie: String(cookie).split(';')[0]! }
    expect(await columnOf(mine)).toBe('in_other')
    expect(await columnOf(key)).toBe('in_main')
    await set({ schema: unset, catalog: text('SECOND') }, mine)
    expect(await get(mine)).toEqual({ catalog: text('second'), schema: text('main') })
    expect(await columnOf(mine)).toBe('in_second')
    await set({ source: text('demo') }, mine)
    expect(await columnOf(mine)).toBe('in_main')
    const { body } = await act('CloseSession', new Uint8Array(0), mine)
    expect(CloseSessionResult.decode(body).status).toBe(1)
    expect(await get(mine)).toEqual({ catalog: text('demo'), schema: text('main') })
  })

  it('client without cookies: its session belongs to its login token alone', async () => {
    const mine = await login()
    await set({ schema: text('other') }, mine)
    expect(await columnOf(mine)).toBe('in_other')
    expect(await columnOf(await login())).toBe('in_main')
  })

  it('a session option or a header chooses extension types, for results and table schemas', async () => {
    const mine = await login('t')
    const formats = async (headers: Headers) => {
      const info = await stub.info('SELECT * FROM huge', headers)
      const { messages } = await stub.call('DoGet', [ticketOf(info)], headers)
      const command = CommandGetTables.encode({ tableNameFilterPattern: 'huge', tableTypes: [], includeSchema: true })
      const descriptor = descriptorOf(packAny('CommandGetTables', command.finish()))
      const tables = FlightInfo.decode((await stub.call('GetFlightInfo', [descriptor], headers)).messages[0]!)
      const rows = (await stub.call('DoGet', [ticketOf(tables)], headers)).messages.map(readFlightData)
      const told = tableFromIPC(joinStream(rows.filter(({ header }) => header.length > 0))).getChild('table_schema')!
      const [schema] = readStream(told.get(0) as Uint8Array)
      return [
        decodeSchema(readFlightData(messages[0]!).header).children[0]!.format,
        decodeSchema(schema!.header).children[0]!.format,
      ]
    }
    expect(await formats(mine)).toEqual(['d:38,0', 'd:38,0'])
    await set({ lossless_types: flag(true) }, mine)
    expect(await get(mine)).toMatchObject({ lossless_types: flag(true) })
    expect(await formats(mine)).toEqual(['w:16', 'w:16'])
    expect(await formats({ ...mine, 'x-flightgate-lossless-types': 'false' })).toEqual(['d:38,0', 'd:38,0'])
    await set({ lossless_types: unset }, mine)
    expect(await formats({ ...mine, 'x-flightgate-lossless-types': 'true' })).toEqual(['w:16', 'w:16'])
    const wrong = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], {
      ...mine,
      'x-flightgate-lossless-types': '1',
    })
    expect([wrong.code, wrong.details]).toEqual([3, expect.stringContaining('must be true or false')])
    expect((await set({ lossless_types: text('yes') }, mine)).errors).toEqual({ lossless_types: { value: 2 } })
    expect(await formats(mine)).toEqual(['d:38,0', 'd:38,0'])
  })

  it('a session’s timeout ends a statement with DEADLINE_EXCEEDED', async () => {
    const mine = await login()
    await set({ timeout: number(200) }, mine)
    const slow = 'SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(100000) b'
    // A busy gateway may take so long to plan it.
    const planned = await stub.call('GetFlightInfo', [commandOf(slow)], mine)
    const end =
      planned.code === 0 ? await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], mine) : planned
    expect([end.code, end.details]).toEqual([4, expect.stringContaining("session's 200 ms")])
  })

  it('wrong options are reported, valid ones are applied', async () => {
    const mine = await login()
    const { errors } = await set(
      { nope: text('x'), catalog: text('nope'), timeout: text('soon'), schema: text('other') },
      mine,
    )
    expect(errors).toEqual({ nope: { value: 1 }, catalog: { value: 2 }, timeout: { value: 2 } })
    expect(await columnOf(mine)).toBe('in_other')
    expect((await set({ schema: text('missing') }, mine)).errors).toEqual({ schema: { value: 2 } })
    expect(await columnOf(mine)).toBe('in_main')
    expect(await columnOf(key)).toBe('in_main')
  })

  it('are limited per principal', async () => {
    const other: Headers = { 'x-api-key': 'o' }
    const codes: number[] = []
    for (let i = 0; i < 6; i++) codes.push((await set({ schema: text('other') }, other)).code)
    expect(codes).toEqual([0, 0, 0, 0, 0, 8])
  })

  it('expire when idle, and then count for the limit no more', async () => {
    const hasty = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'me', key: 'k' }] },
      sources: { demo: { kind: 'duckdb', init: tables } },
      limits: { maxSessionsPerPrincipal: 1, sessionIdleMs: 700 },
    })
    const at = new FlightStub(hasty.flight)
    const { code, cookie } = await set({ schema: text('other') }, key, at)
    expect(code).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, 900))
    expect(await columnOf({ ...key, cookie: String(cookie).split(';')[0]! }, at)).toBe('in_main')
    expect((await set({ schema: text('other') }, key, at)).code).toBe(0)
    at.close()
    expect(await hasty.stop()).toBe(0)
  })

  it('of one principal are ignored for another', async () => {
    const { cookie } = await set({ schema: text('other') }, key)
    expect(await columnOf({ 'x-api-key': 'o', cookie: String(cookie).split(';')[0]! })).toBe('in_main')
  })
})
