import { connect } from 'node:http2'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  Action,
  FlightData,
  FlightDescriptor,
  FlightInfo,
  PutResult,
  Result,
  SchemaResult,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
  Ticket,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginSavepointRequest,
  ActionBeginSavepointResult,
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionEndSavepointRequest,
  ActionEndTransactionRequest,
  CommandGetDbSchemas,
  CommandGetSqlInfo,
  CommandStatementIngest,
  CommandStatementQuery,
  DoPutUpdateResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { Any } from '../../src/arrow/ipc/any.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate, joinStream } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema, type Field } from '../../src/arrow/schema.ts'
import { encodeRows } from '../../src/fronts/flight/metadata/encode.ts'
import { dbSchemasSchema } from '../../src/fronts/flight/metadata/schemas.ts'
import { sqlInfoFrames } from '../../src/fronts/flight/metadata/sql-info.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import type { Answer, UpstreamCall } from '../fakes/upstream-call.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const none = new Uint8Array(0)
const field: Field = { name: 'i', format: 'l', nullable: true, metadata: [], children: [] }
const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [field] })
const joined = ({ chunks }: { readonly chunks: readonly Uint8Array[] }) => Buffer.concat(chunks)
const schemaFrame = joined(frameOf(schema, none, 0))
const ROWS = 1000
const batch = encodeRecordBatch({ rows: ROWS, nodes: [ROWS, 0], buffers: [0, 0, 0, 8 * ROWS], bodyLength: 8 * ROWS })

/** The Flight SQL message in a descriptor, by its short type name; undefined for another kind of command. */
function commandIn(message: Uint8Array): { name: string; value: Uint8Array } | undefined {
  return unpackAny(FlightDescriptor.decode(message).cmd)
}

const info = (ticket: string, more: Partial<FlightInfo> = {}, endpointMetadata: Uint8Array = none): Answer => ({
  headers: { 'x-plan': 'planned', 'x-secret': 'hidden', authorization: 'Bearer upstream-token' },
  messages: [
    FlightInfo.encode({
      schema: encapsulate(schema),
      flightDescriptor: undefined,
      endpoint: [
        {
          ticket: { ticket: Buffer.from(ticket) },
          location: [],
          expirationTime: undefined,
          appMetadata: endpointMetadata,
        },
      ],
      totalRecords: -1n,
      totalBytes: -1n,
      ordered: false,
      appMetadata: none,
      ...more,
    }).finish(),
  ],
})
const result = (name: string, value: Uint8Array): Answer => ({
  messages: [Result.encode({ body: packAny(name, value) }).finish()],
})
const UPSTREAM_TX = Buffer.from('tx-of-the-server')
const UPSTREAM_SAVEPOINT = Buffer.from('savepoint-of-the-server')

const facts = {
  version: '1',
  maxStatementBytes: 1,
  transactionIdleMs: 1,
  preparedTtlMs: 1,
  maxConnections: 10,
  readOnly: false,
  transactions: true,
  savepoints: true,
  ingestion: true,
  sql: new Map<number, string | bigint>([
    [504, '`'],
    // Not the type that clients expect for it.
    [505, 'wrong'],
    [548, 99n],
  ]),
}

/** Answers like a server with transactions, savepoints, ingestion and session options. */
const script: Record<string, (call: UpstreamCall) => Answer> = {
  GetFlightInfo({ messages }) {
    const command = commandIn(messages[0]!)
    if (!command) return info(`raw ${Buffer.from(FlightDescriptor.decode(messages[0]!).cmd)}`)
    if (command.name !== 'CommandStatementQuery') return info(command.name)
    const { query } = CommandStatementQuery.decode(command.value)
    if (query === 'SELECT details')
      return { status: 3, text: 'no such thing', trailers: { 'x-detail': 'row 7', 'x-secret': 'hidden' } }
    if (query === 'SELECT busy') return info('busy')
    if (query === 'SELECT metadata')
      return info('rows', { appMetadata: Buffer.from('of the whole') }, Buffer.from('of the part'))
    return info('rows')
  },
  DoGet({ messages }) {
    const ticket = Buffer.from(Ticket.decode(messages[0]!).ticket).toString()
    if (ticket === 'CommandGetSqlInfo') return { messages: sqlInfoFrames(facts, []).map(joined) }
    if (ticket === 'CommandGetDbSchemas')
      return {
        messages: encodeRows(dbSchemasSchema, [{ db_schema_name: 'sales' }, { db_schema_name: 'locked' }]).map(joined),
      }
    if (ticket === 'busy') return { status: 14, text: 'too much to do' }
    const rows = ticket.startsWith('raw ') ? 2 : 1
    return {
      headers: { 'x-run': 'ran', 'set-cookie': 'SESSION=upstream' },
      messages: [schemaFrame, ...Array<Buffer>(rows).fill(joined(frameOf(batch, new Uint8Array(8 * ROWS), ROWS)))],
    }
  },
  DoAction({ messages }) {
    const { type, body } = Action.decode(messages[0]!)
    switch (type) {
      case 'BeginTransaction':
        return result(
          'ActionBeginTransactionResult',
          ActionBeginTransactionResult.encode({ transactionId: UPSTREAM_TX }).finish(),
        )
      case 'BeginSavepoint':
        return result(
          'ActionBeginSavepointResult',
          ActionBeginSavepointResult.encode({ savepointId: UPSTREAM_SAVEPOINT }).finish(),
        )
      case 'EndTransaction':
      case 'EndSavepoint':
        return {}
      case 'SetSessionOptions': {
        const { sessionOptions } = SetSessionOptionsRequest.decode(body)
        const value = sessionOptions['schema']?.optionValue
        const refused = value?.$case !== 'stringValue' || value.value !== 'sales'
        const errors = refused ? { schema: { value: 2 } as const } : {}
        return { messages: [Result.encode({ body: SetSessionOptionsResult.encode({ errors }).finish() }).finish()] }
      }
      default:
        return { status: 12, text: `no action ${type}` }
    }
  },
  DoPut({ messages }) {
    const parts = messages.map((message) => FlightData.decode(message))
    const { value } = Any.decode(parts[0]!.flightDescriptor!.cmd)
    const { table } = CommandStatementIngest.decode(value)
    if (table === 'full') return { status: 8, text: 'no space' }
    const rows = (parts.length - 1) * ROWS
    const appMetadata = DoPutUpdateResult.encode({ recordCount: BigInt(rows) }).finish()
    return { messages: [PutResult.encode({ appMetadata }).finish()] }
  },
}

describe('a Flight SQL server behind the gateway', () => {
  let upstream: FakeUpstream
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    upstream = await FakeUpstream.start({ login: false, answer: byMethod(script) })
    const forward = { toServer: ['x-tenant', 'x-request-id', 'traceparent'], toClient: ['x-plan', 'x-run', 'x-detail'] }
    gateway = await GatewayProcess.start({
      sources: {
        up: { kind: 'flightsql', uri: upstream.uri, writes: true, forward, pool: { min: 0, max: 4 } },
        plain: { kind: 'flightsql', uri: upstream.uri, plainCommands: true, pool: { min: 0 } },
        gone: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1', pool: { min: 0 }, connectTimeoutMs: 500 },
      },
      defaultSource: 'up',
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
    await upstream.stop()
  })
  beforeEach(() => {
    upstream.calls.length = 0
  })
  afterEach(async () => {
    await expect.poll(() => gateway.metric('flightgate_pool_connections', { state: 'in_use' })).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_transactions_open')).toBe(0)
  })

  const act = (type: string, body: Uint8Array, headers = {}) =>
    stub.call('DoAction', [Action.encode({ type, body }).finish()], headers)
  const begin = async () => {
    const { messages } = await act(
      'BeginTransaction',
      packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish()),
    )
    return ActionBeginTransactionResult.decode(unpackAny(Result.decode(messages[0]!).body)!.value).transactionId
  }
  const end = (transactionId: Uint8Array, action: 1 | 2) =>
    act(
      'EndTransaction',
      packAny('ActionEndTransactionRequest', ActionEndTransactionRequest.encode({ transactionId, action }).finish()),
    )
  const actions = () => upstream.of('DoAction').map(({ messages }) => Action.decode(messages[0]!).type)
  const rowsOf = ({ messages }: CallEnd) => (messages.length - 1) * ROWS

  it('maps a client transaction to an upstream transaction under the gateway’s own handle', async () => {
    const transaction = await begin()
    expect(Buffer.from(transaction).includes(UPSTREAM_TX)).toBe(false)
    const planned = await stub.info('SELECT 1', {}, transaction)
    expect(rowsOf(await stub.call('DoGet', [ticketOf(planned)]))).toBe(ROWS)
    const asked = upstream.of('GetFlightInfo').map(({ messages }) => {
      const { transactionId } = CommandStatementQuery.decode(commandIn(messages[0]!)!.value)
      return Buffer.from(transactionId ?? none).toString()
    })
    expect(asked).toEqual([UPSTREAM_TX.toString()])
    expect((await end(transaction, 1)).code).toBe(0)
    expect(actions()).toEqual(['BeginTransaction', 'EndTransaction'])
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT 1', transaction)])).code).toBe(5)
  })

  it('transactions may hold half of the connections; the rest serve other statements', async () => {
    const open = [await begin(), await begin()]
    const refused = await act(
      'BeginTransaction',
      packAny('ActionBeginTransactionRequest', ActionBeginTransactionRequest.encode({}).finish()),
    )
    expect(refused.trailers?.get('x-flightgate-error')).toEqual(['TOO_MANY_TRANSACTIONS'])
    expect(rowsOf(await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1'))]))).toBe(ROWS)
    for (const each of open) expect((await end(each, 2)).code).toBe(0)
  })

  it('offers savepoints if the server has them', async () => {
    const transactionId = await begin()
    const { messages } = await act(
      'BeginSavepoint',
      packAny(
        'ActionBeginSavepointRequest',
        ActionBeginSavepointRequest.encode({ transactionId, name: 'here' }).finish(),
      ),
    )
    const { savepointId } = ActionBeginSavepointResult.decode(unpackAny(Result.decode(messages[0]!).body)!.value)
    expect(Buffer.from(savepointId).includes(UPSTREAM_SAVEPOINT)).toBe(false)
    const request = ActionEndSavepointRequest.encode({ savepointId, action: 2 }).finish()
    expect((await act('EndSavepoint', packAny('ActionEndSavepointRequest', request))).code).toBe(0)
    const sent = upstream.of('DoAction').map((call) => Action.decode(call.messages[0]!))
    const named = ActionBeginSavepointRequest.decode(unpackAny(sent[1]!.body)!.value)
    expect([Buffer.from(named.transactionId), named.name]).toEqual([UPSTREAM_TX, 'here'])
    const ended = ActionEndSavepointRequest.decode(unpackAny(sent[2]!.body)!.value)
    expect([Buffer.from(ended.savepointId), ended.action]).toEqual([UPSTREAM_SAVEPOINT, 2])
    await end(transactionId, 2)
  })

  const upload = (table: string, batches: number, catalog?: string) => {
    const command = CommandStatementIngest.encode({
      table,
      schema: 'main',
      catalog,
      temporary: false,
      transactionId: undefined,
      tableDefinitionOptions: { ifNotExist: 1, ifExists: 2 },
      options: { colour: 'blue' },
    }).finish()
    const cmd = packAny('CommandStatementIngest', command)
    const first = FlightData.encode({
      flightDescriptor: FlightDescriptor.decode(descriptorOf(cmd)),
      dataHeader: schema,
      appMetadata: none,
      dataBody: none,
    }).finish()
    return [first, ...Array<Buffer>(batches).fill(joined(frameOf(batch, new Uint8Array(8 * ROWS), ROWS)))]
  }

  it('forwards an upload batch by batch, and reports the rows accepted', async () => {
    const { code, messages } = await stub.call('DoPut', upload('t', 50, 'up'))
    expect(code).toBe(0)
    expect(DoPutUpdateResult.decode(PutResult.decode(messages[0]!).appMetadata).recordCount).toBe(50_000n)
    const [sent] = upstream.of('DoPut')
    const { value } = Any.decode(FlightData.decode(sent!.messages[0]!).flightDescriptor!.cmd)
    expect(CommandStatementIngest.decode(value)).toMatchObject({
      table: 't',
      schema: 'main',
      // The source's own name is a catalog only for the gateway's clients.
      catalog: undefined,
      tableDefinitionOptions: { ifNotExist: 1, ifExists: 2 },
      options: { colour: 'blue' },
    })
    expect(sent!.messages).toHaveLength(51)
    expect(readFlightData(sent!.messages[1]!).body.byteLength).toBe(8 * ROWS)
  })

  it('upstream refuses an upload: client gets its error; client aborts one: the upstream’s is aborted', async () => {
    const refused = await stub.call('DoPut', upload('full', 1))
    expect(refused.trailers?.get('x-flightgate-error')).toEqual(['UPSTREAM_EXHAUSTED'])
    const { aborted } = upstream
    const session = connect(`http://${gateway.flight}`)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/arrow.flight.protocol.FlightService/DoPut',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => {})
    for (const message of upload('t', 2)) {
      const prefix = Buffer.alloc(5)
      prefix.writeUInt32BE(message.byteLength, 1)
      stream.write(Buffer.concat([prefix, message]))
    }
    await expect.poll(() => upstream.incomplete).toBe(1)
    session.destroy()
    await expect.poll(() => upstream.aborted).toBe(aborted + 1)
    // The partial upload must not count as complete.
    expect(upstream.of('DoPut')).toHaveLength(1)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it('upstream reports overload: client gets UPSTREAM_BUSY, the gateway reduces its slots', async () => {
    const plain = { 'x-flightgate-source': 'plain' }
    const slots = () => gateway.metric('flightgate_slots', { source: 'plain' })
    expect(await slots()).toBe(16)
    const busy = await stub.call('DoGet', [ticketOf(await stub.info('SELECT busy', plain))], plain)
    expect(busy.trailers?.get('x-flightgate-error')).toEqual(['UPSTREAM_BUSY'])
    expect(await slots()).toBe(2)
  })

  it('forwards only the configured metadata, in both directions', async () => {
    const headers = { 'x-tenant': 'acme', 'x-other': 'no', 'x-request-id': 'r-1', 'x-source-secret': 'no' }
    const planned = await stub.call('GetFlightInfo', [commandOf('SELECT 1')], headers)
    const seen = upstream.of('GetFlightInfo')[0]!.headers
    expect([seen['x-tenant'], seen['x-request-id'], seen['x-other']]).toEqual(['acme', 'r-1', undefined])
    expect([planned.headers?.get('x-plan'), planned.headers?.get('x-secret')]).toEqual([['planned'], []])
    expect(planned.headers?.get('authorization')).toEqual([])
    const got = await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], headers)
    expect([got.headers?.get('x-run'), got.headers?.get('set-cookie')]).toEqual([['ran'], []])
    const failed = await stub.call('GetFlightInfo', [commandOf('SELECT details')], headers)
    expect([failed.code, failed.details]).toEqual([3, 'no such thing'])
    expect([failed.trailers?.get('x-detail'), failed.trailers?.get('x-secret')]).toEqual([['row 7'], []])
  })

  it('keeps the server’s application metadata of a FlightInfo', async () => {
    const { appMetadata, endpoint } = await stub.info('SELECT metadata')
    expect([appMetadata, endpoint[0]!.appMetadata].map((each) => Buffer.from(each).toString())).toEqual([
      'of the whole',
      'of the part',
    ])
  })

  it('forwards raw commands to a source with plainCommands', async () => {
    const request = descriptorOf(Buffer.from('give me two'))
    const plain = { 'x-flightgate-source': 'plain' }
    const planned = await stub.call('GetFlightInfo', [request], plain)
    const got = await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], plain)
    expect(rowsOf(got)).toBe(2 * ROWS)
    // At another source the same command is SQL, sent as CommandStatementQuery.
    await stub.call('GetFlightInfo', [request])
    expect(upstream.of('GetFlightInfo').map(({ messages }) => commandIn(messages[0]!)?.name)).toEqual([
      undefined,
      'CommandStatementQuery',
    ])
  })

  it('sends statements of HTTP as Flight SQL, also to a source with plainCommands', async () => {
    const body = JSON.stringify({ query: 'SELECT 1', data_source: 'plain' })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`http://${gateway.http}/api/v1/query`, { method: 'POST', headers, body })
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ row_count: ROWS })])
    const asked = upstream.of('GetFlightInfo').map(({ messages }) => commandIn(messages[0]!)?.name)
    expect(asked).toEqual(['CommandStatementQuery'])
  })

  const setSchema = async (name: string) => {
    const optionValue = { $case: 'stringValue', value: name } as const
    const body = SetSessionOptionsRequest.encode({ sessionOptions: { schema: { optionValue } } }).finish()
    const answer = await act('SetSessionOptions', body)
    const { errors } = SetSessionOptionsResult.decode(Result.decode(answer.messages[0]!).body)
    return { errors: Object.keys(errors), cookie: String(answer.headers?.get('set-cookie')[0]).split(';')[0]! }
  }

  it('a session with a schema gets separate upstream connections', async () => {
    expect((await setSchema('locked')).errors).toEqual(['schema'])
    expect((await setSchema('nowhere')).errors).toEqual(['schema'])
    const { errors, cookie } = await setSchema('sales')
    expect(errors).toEqual([])
    upstream.calls.length = 0
    const got = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1', { cookie }))], { cookie })
    expect(rowsOf(got)).toBe(ROWS)
    const before = await gateway.metric('flightgate_pool_created_total', { source: 'up' })
    await stub.info('SELECT 1', { cookie })
    await stub.info('SELECT 1')
    expect(await gateway.metric('flightgate_pool_created_total', { source: 'up' })).toBe(before)
  })

  const metadata = async (name: string, value: Uint8Array, headers = {}) => {
    const planned = await stub.call('GetFlightInfo', [descriptorOf(packAny(name, value))], headers)
    const got = await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], headers)
    expect([planned.details, got.details]).toEqual(['', ''])
    return tableFromIPC(joinStream(got.messages.map((message) => readFlightData(message))))
  }

  it('SqlInfo combines the server’s SQL dialect with the gateway’s own facts', async () => {
    const ask = CommandGetSqlInfo.encode({ info: [0, 8, 504, 505, 548] }).finish()
    const read = async (source: string) =>
      Object.fromEntries(
        [...(await metadata('CommandGetSqlInfo', ask, { 'x-flightgate-source': source }))].map((row) => {
          const { info_name, value } = row!.toJSON() as { info_name: number; value: unknown }
          return [info_name, value]
        }),
      )
    expect(await read('up')).toEqual({ 0: 'flightgate', 8: 2, 504: '`', 505: 1n, 548: 99n })
    // A server that is down reports no transactions, and a client can still connect.
    expect(await read('gone')).toMatchObject({ 0: 'flightgate', 8: 0, 504: '"' })
  })

  it('one server is down: metadata of the others is complete, and the log reports it', async () => {
    const ask = CommandGetDbSchemas.encode({ catalog: undefined, dbSchemaFilterPattern: undefined }).finish()
    const names = [...(await metadata('CommandGetDbSchemas', ask))].map((row) => row!['catalog_name'])
    expect(names.sort()).toEqual(['plain', 'plain', 'up', 'up'])
    await gateway.line(({ event, source }) => event === 'metadata' && source === 'gone')
    const alone = { 'x-flightgate-source': 'gone' }
    const planned = await stub.call('GetFlightInfo', [descriptorOf(packAny('CommandGetDbSchemas', ask))], alone)
    const got = await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], alone)
    expect(got.code).toBe(14)
  })

  it('server announces no schema: GetSchema runs the statement to find it', async () => {
    const { messages, code } = await stub.call('GetSchema', [commandOf('SELECT 1')])
    expect(code).toBe(0)
    expect(Buffer.from(SchemaResult.decode(messages[0]!).schema)).toEqual(Buffer.from(encapsulate(schema)))
  })
})
