import { Field, Int32, Schema, Table, tableToIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, FlightData, FlightInfo, SetSessionOptionsRequest } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginSavepointRequest,
  ActionCreatePreparedStatementRequest,
  CommandGetDbSchemas,
  CommandGetPrimaryKeys,
  CommandGetTables,
  CommandStatementIngest,
  CommandStatementUpdate,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const INVALID_ARGUMENT = 3
const none = new Uint8Array(0)
/** Placeholder for the bytes that a test inserts. */
const PLACE = '@@@@'

describe('malformed texts', () => {
  let gateway: GatewayProcess
  let upstream: FakeUpstream
  let stub: FlightStub

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'w', key: 'w-key', roles: ['writer'] }] },
      sources: {
        demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT range AS i FROM range(5)'] },
        up: { kind: 'flightsql', uri: `grpc://127.0.0.1:${upstream.port}`, token: upstream.token, writes: true },
      },
      defaultSource: 'demo',
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    await gateway.stop()
    await upstream.stop()
  })

  const upload = (name: string, command: Uint8Array): Uint8Array =>
    FlightData.encode({
      flightDescriptor: { type: 2, cmd: packAny(name, command), path: [] },
      dataHeader: none,
      appMetadata: none,
      dataBody: none,
    }).finish()
  const ingest = (names: Partial<CommandStatementIngest>, columns: readonly string[] = ['i']) => {
    const command = CommandStatementIngest.encode({
      tableDefinitionOptions: { ifNotExist: 1, ifExists: 2 },
      table: 't',
      temporary: false,
      options: {},
      ...names,
    } as CommandStatementIngest).finish()
    const table = new Table(new Schema(columns.map((name) => new Field(name, new Int32()))), [])
    const { header } = [...readStream(tableToIPC(table, 'stream'))][0]!
    return FlightData.encode({
      flightDescriptor: { type: 2, cmd: packAny('CommandStatementIngest', command), path: [] },
      dataHeader: Buffer.from(header),
      appMetadata: none,
      dataBody: none,
    }).finish()
  }
  const action = (type: string, body: Uint8Array) => Action.encode({ type, body }).finish()

  /** Plans and fetches metadata: the gateway refuses the text at either step. */
  const metadata = async (name: string, value: Uint8Array, headers: Readonly<Record<string, string>>) => {
    const end = await stub.call('GetFlightInfo', [descriptorOf(packAny(name, value))], headers)
    if (end.code !== 0) return end
    return await stub.call('DoGet', [ticketOf(FlightInfo.decode(end.messages[0]!))], headers)
  }
  type Headers = Readonly<Record<string, string>>
  const texts: readonly (readonly [string, (text: string, headers: Headers) => Promise<CallEnd>])[] = [
    ['a statement', (text, headers) => stub.call('GetFlightInfo', [commandOf(`SELECT 1${text} WHERE false`)], headers)],
    ['a statement for its schema', (text, headers) => stub.call('GetSchema', [commandOf(`SELECT 1${text}`)], headers)],
    ['a polled statement', (text, headers) => stub.call('PollFlightInfo', [commandOf(`SELECT 1${text}`)], headers)],
    [
      'plain text',
      (text, headers) => stub.call('GetFlightInfo', [descriptorOf(Buffer.from(`SELECT 1${text}`))], headers),
    ],
    [
      'an update',
      (text, headers) => {
        const command = CommandStatementUpdate.encode({
          query: `DELETE FROM t${text} WHERE i = 1`,
          transactionId: undefined,
        })
        return stub.call('DoPut', [upload('CommandStatementUpdate', command.finish())], headers)
      },
    ],
    [
      'a statement to prepare',
      (text, headers) => {
        const body = ActionCreatePreparedStatementRequest.encode({
          query: `DELETE FROM t${text} WHERE i = ?`,
          transactionId: undefined,
        })
        const packed = packAny('ActionCreatePreparedStatementRequest', body.finish())
        return stub.call('DoAction', [action('CreatePreparedStatement', packed)], headers)
      },
    ],
    [
      'a pattern of schemas',
      (text, headers) => {
        const command = CommandGetDbSchemas.encode({ catalog: undefined, dbSchemaFilterPattern: `main${text}` })
        return metadata('CommandGetDbSchemas', command.finish(), headers)
      },
    ],
    [
      'a pattern of tables',
      (text, headers) => {
        const command = CommandGetTables.encode({
          catalog: undefined,
          dbSchemaFilterPattern: undefined,
          tableNameFilterPattern: `%${text}`,
          tableTypes: [],
          includeSchema: false,
        })
        return metadata('CommandGetTables', command.finish(), headers)
      },
    ],
    [
      'a type of tables',
      (text, headers) => {
        const command = CommandGetTables.encode({
          catalog: undefined,
          dbSchemaFilterPattern: undefined,
          tableNameFilterPattern: undefined,
          tableTypes: [`VIEW${text}`],
          includeSchema: false,
        })
        return metadata('CommandGetTables', command.finish(), headers)
      },
    ],
    [
      'the table of keys',
      (text, headers) => {
        const command = CommandGetPrimaryKeys.encode({ catalog: `demo${text}`, dbSchema: undefined, table: 't' })
        return metadata('CommandGetPrimaryKeys', command.finish(), headers)
      },
    ],
    ['the table of an upload', (text, headers) => stub.call('DoPut', [ingest({ table: `t${text}` })], headers)],
    ['the schema of an upload', (text, headers) => stub.call('DoPut', [ingest({ schema: `main${text}` })], headers)],
    ['the catalog of an upload', (text, headers) => stub.call('DoPut', [ingest({ catalog: `demo${text}` })], headers)],
    [
      'an option of a session',
      (text, headers) => {
        const value = { optionValue: { $case: 'stringValue' as const, value: `main${text}` } }
        const body = SetSessionOptionsRequest.encode({ sessionOptions: { schema: value } }).finish()
        return stub.call('DoAction', [action('SetSessionOptions', body)], headers)
      },
    ],
    [
      'the name of a savepoint',
      (text, headers) => {
        const body = ActionBeginSavepointRequest.encode({ transactionId: none, name: `s${text}` }).finish()
        return stub.call('DoAction', [action('BeginSavepoint', packAny('ActionBeginSavepointRequest', body))], headers)
      },
    ],
  ]
  const sources = ['demo', 'up']
  const cases = texts.flatMap(([what, send]) => sources.map((source) => [what, source, send] as const))

  it.each(cases)('a NUL in %s for %s: BAD_REQUEST, nothing reaches the upstream', async (_what, source, send) => {
    const plans = upstream.counts.plans
    const end = await send('\0', { 'x-api-key': 'w-key', 'x-flightgate-source': source })
    expect(end).toMatchObject({ code: INVALID_ARGUMENT })
    expect(end.trailers?.get('x-flightgate-error')).toEqual(['BAD_REQUEST'])
    expect(end.details).toMatch(/NUL|neither a Flight SQL message nor SQL text/)
    expect(upstream.counts.plans).toBe(plans)
  })

  it.each(texts)('invalid UTF-8 in %s: BAD_REQUEST', async (_what, send) => {
    const damaged = new Proxy(stub, {
      get: (target, name) =>
        name === 'call'
          ? (method: string, requests: readonly Uint8Array[], headers: Headers) =>
              target.call(method, requests.map(damage), headers)
          : Reflect.get(target, name),
    })
    const honest = stub
    stub = damaged
    try {
      const end = await send(PLACE, { 'x-api-key': 'w-key' })
      expect(end).toMatchObject({ code: INVALID_ARGUMENT })
      expect(end.trailers?.get('x-flightgate-error')).toEqual(['BAD_REQUEST'])
      expect(end.details).toMatch(/UTF-8/)
    } finally {
      stub = honest
    }
  })

  it('a NUL in a column name: INVALID_ARGUMENT', async () => {
    const end = await stub.call('DoPut', [ingest({ table: 'fresh' }, ['a\0b'])], { 'x-api-key': 'w-key' })
    expect(end).toMatchObject({ code: INVALID_ARGUMENT })
    expect(end.details).toContain('NUL')
  })

  it('no row was deleted', async () => {
    const info = await stub.info('SELECT count(*) AS n FROM t HAVING n = 5', { 'x-api-key': 'w-key' })
    const end = await stub.call('DoGet', [ticketOf(info)], { 'x-api-key': 'w-key' })
    expect(end.messages.length).toBeGreaterThan(1)
  })
})

/** The message with a truncated UTF-8 sequence at the placeholder. */
function damage(message: Uint8Array): Uint8Array {
  const bytes = Buffer.from(message)
  const at = bytes.indexOf(PLACE)
  if (at >= 0) Buffer.from([0xe2, 0x82, 0x20, 0xff]).copy(bytes, at)
  return bytes
}
