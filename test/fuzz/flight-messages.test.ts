import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  CancelFlightInfoRequest,
  FlightData,
  type FlightInfo,
  HandshakeRequest,
  RenewFlightEndpointRequest,
  Result,
  Ticket,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginTransactionResult,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  ActionEndTransactionRequest,
  CommandGetTables,
  CommandPreparedStatementQuery,
  CommandStatementIngest,
  CommandStatementUpdate,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'

const INTERNAL = 13
const UNKNOWN = 2
const UNAVAILABLE = 14
const TIME_LIMIT_MS = process.env['CI'] === 'true' ? 6000 : 2500

/** A few bytes changed, removed or inserted. */
const damaged = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc
      .array(fc.tuple(fc.nat(Math.max(0, bytes.length - 1)), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const copy = Uint8Array.from(bytes)
        for (const [at, value] of changes) copy[at] = value
        return copy
      }),
    fc.nat(bytes.length).map((length) => bytes.slice(0, length)),
    fc
      .tuple(fc.nat(bytes.length), fc.uint8Array({ maxLength: 20 }))
      .map(([at, extra]) => Uint8Array.from([...bytes.slice(0, at), ...extra, ...bytes.slice(at)])),
    fc.uint8Array({ maxLength: 200 }),
  )

const MANY_TYPES = `SELECT i, i::VARCHAR || 'é' AS s, CASE WHEN i % 3 = 0 THEN NULL ELSE [i, NULL] END AS l,
  [[i::VARCHAR], []] AS ll, {'a': i, 'b': NULL::VARCHAR} AS st, MAP {i: 'x'} AS m, i::DECIMAL(10, 2) AS d, i % 2 = 0 AS b,
  (CASE WHEN i % 4 = 0 THEN NULL ELSE 'x' END)::ENUM ('x', 'y') AS e, uuid() AS u, [i, i]::BIGINT[2] AS a,
  to_days(i::INTEGER) AS v, i::VARCHAR::BLOB AS z, now() AS tz FROM range(40) r(i)`

describe('random and damaged messages', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  const real: Record<string, Uint8Array[][]> = {}

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT range AS i FROM range(10)'] } },
      limits: { maxDeadlineMs: 5000, transactionIdleMs: 500, maxTransactionsPerPrincipal: 20, pollIdleMs: 500 },
    })
    stub = new FlightStub(gateway.flight)
    const info = await stub.info('SELECT * FROM t')
    const action = (type: string, body: Uint8Array) => Action.encode({ type, body }).finish()
    const create = ActionCreatePreparedStatementRequest.encode({
      query: 'SELECT * FROM t WHERE i = ?',
      transactionId: undefined,
    }).finish()
    const prepare = action('CreatePreparedStatement', packAny('ActionCreatePreparedStatementRequest', create))
    const answer = Result.decode((await stub.call('DoAction', [prepare])).messages[0]!).body
    const { preparedStatementHandle, parameterSchema } = ActionCreatePreparedStatementResult.decode(
      unpackAny(answer)!.value,
    )
    const prepared = packAny(
      'CommandPreparedStatementQuery',
      CommandPreparedStatementQuery.encode({ preparedStatementHandle }).finish(),
    )
    const tables = CommandGetTables.encode({
      catalog: 'demo',
      dbSchemaFilterPattern: '%',
      tableNameFilterPattern: 't',
      tableTypes: [],
      includeSchema: true,
    }).finish()
    const messagesOf = async (from: FlightInfo) =>
      (await stub.call('DoGet', [ticketOf(from)])).messages.map((message) => readFlightData(message))
    const rows = await messagesOf(info)
    const manyTypes = await messagesOf(await stub.info(MANY_TYPES))
    const upload = (cmd: Uint8Array, uploaded = rows) =>
      uploaded.map(({ header, body }, i) =>
        FlightData.encode({
          flightDescriptor: i === 0 ? { type: 2, cmd, path: [] } : undefined,
          dataHeader: header,
          appMetadata: new Uint8Array(0),
          dataBody: body,
        }).finish(),
      )
    const update = CommandStatementUpdate.encode({ query: 'UPDATE t SET i = i', transactionId: undefined }).finish()
    real['Handshake'] = [
      [HandshakeRequest.encode({ protocolVersion: 0n, payload: new Uint8Array([18, 1, 97]) }).finish()],
    ]
    real['GetFlightInfo'] = [
      [commandOf('SELECT * FROM t')],
      [descriptorOf(prepared)],
      [descriptorOf(packAny('CommandGetTables', tables))],
    ]
    real['GetSchema'] = real['GetFlightInfo']
    real['PollFlightInfo'] = real['GetFlightInfo']
    real['DoGet'] = [[ticketOf(info)], [Ticket.encode({ ticket: prepared }).finish()]]
    const ingest = CommandStatementIngest.encode({
      table: 'ingested',
      schema: undefined,
      catalog: undefined,
      temporary: false,
      transactionId: undefined,
      tableDefinitionOptions: { ifNotExist: 1, ifExists: 3 },
      options: {},
    }).finish()
    real['DoPut'] = [
      upload(prepared),
      upload(packAny('CommandStatementUpdate', update)),
      upload(packAny('CommandStatementIngest', ingest)),
      upload(packAny('CommandStatementIngest', ingest), manyTypes),
    ]
    real['DoExchange'] = [upload(prepared)]
    const begin = action('BeginTransaction', packAny('ActionBeginTransactionRequest', new Uint8Array(0)))
    const begun = Result.decode((await stub.call('DoAction', [begin])).messages[0]!).body
    const { transactionId } = ActionBeginTransactionResult.decode(unpackAny(begun)!.value)
    const end = ActionEndTransactionRequest.encode({ transactionId, action: 2 }).finish()
    real['GetFlightInfo'].push([commandOf('SELECT * FROM t', transactionId)])
    real['DoAction'] = [
      [prepare],
      [begin],
      [action('EndTransaction', packAny('ActionEndTransactionRequest', end))],
      [action('CancelFlightInfo', CancelFlightInfoRequest.encode({ info }).finish())],
      [action('RenewFlightEndpoint', RenewFlightEndpointRequest.encode({ endpoint: info.endpoint[0] }).finish())],
    ]
    real['ListActions'] = [[new Uint8Array(0)]]
    real['ListFlights'] = [[new Uint8Array(0)]]
    void parameterSchema
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it.each([
    'Handshake',
    'GetFlightInfo',
    'GetSchema',
    'PollFlightInfo',
    'DoGet',
    'DoPut',
    'DoExchange',
    'DoAction',
    'ListActions',
    'ListFlights',
  ])('sent to %s end with a client error, never INTERNAL or UNAVAILABLE, and leak nothing', async (method) => {
    const sequences = real[method]!
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sequences.length - 1).chain((which) => {
          const messages = sequences[which]!
          return fc
            .nat(messages.length - 1)
            .chain((at) => damaged(messages[at]!).map((bytes) => messages.with(at, bytes)))
        }),
        async (messages) => {
          const { code, details, trailers } = await stub.call(method, messages, {}, 5000)
          if (code === INTERNAL || code === UNKNOWN || code === UNAVAILABLE) {
            const requestId = String(trailers?.get('x-request-id')[0])
            const why = gateway.lines.filter((line) => line['requestId'] === requestId)
            throw new Error(`${method} answered ${code} ${details}: ${JSON.stringify(why).slice(0, 3000)}`)
          }
        },
      ),
      { numRuns: 100_000, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false, endOnFailure: true },
    )
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
    await expect.poll(() => gateway.metric('flightgate_transactions_open')).toBe(0)
    await stub.info('SELECT 1')
  })
})
