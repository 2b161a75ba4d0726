import { Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  FlightData,
  type FlightDescriptor,
  FlightInfo,
  PutResult,
  Result,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandPreparedStatementQuery,
  CommandStatementIngest,
  CommandStatementUpdate,
  DoPutPreparedStatementResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { packAny, unpackBody } from '../../src/fronts/flight/wire/command.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'

const CANARY = 'kanari7f3'
const none = new Uint8Array(0)

/** Statements that fail in different ways, each with the canary in the engine's message. */
const failing: readonly (readonly [source: string, sql: string])[] = [
  ['demo', `SELEC ${CANARY}`],
  ['demo', `SELECT ${CANARY} FROM range(1)`],
  ['demo', `SELECT * FROM ${CANARY}`],
  ['demo', `SELECT '${CANARY}'::INTEGER`],
  ['demo', `SELECT ('${CANARY}' || range)::INTEGER FROM range(3)`],
  ['demo', `SELECT error('${CANARY}') FROM range(3)`],
  ['demo', `SELECT strptime('${CANARY}' || range, '%Y') FROM range(3)`],
  ['demo', `INSERT INTO t SELECT '${CANARY}'`],
  ['demo', `CREATE TABLE t AS SELECT '${CANARY}' AS ${CANARY}`],
  ['demo', `COPY t TO '/${CANARY}'`],
  ['demo', `SET ${CANARY} = 1`],
  ['up', `SELECT plan 3 ${CANARY}`],
  ['up', `SELECT plan 5 ${CANARY}`],
  ['up', `SELECT plan 7 ${CANARY}`],
  ['up', `SELECT plan 13 ${CANARY}`],
  ['up', `SELECT fail 1 ${CANARY}`],
  ['up', `USE ${CANARY}`],
]
/** These errors count as outages, after which the breaker may refuse other statements. */
const outages = [`SELECT plan 14 ${CANARY}`, `SELECT unavailable 1 ${CANARY}`]

describe.each(['hash', 'none', 'text'] as const)('log.statements: %s', (statements) => {
  let gateway: GatewayProcess
  let upstream: FakeUpstream

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'w', key: 'w-key', roles: ['writer'] }] },
      sources: {
        demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t (i INTEGER)'] },
        up: { kind: 'flightsql', uri: `grpc://127.0.0.1:${upstream.port}`, token: upstream.token, writes: true },
      },
      defaultSource: 'demo',
      // Do not wait for polled results that no client fetches.
      drain: { notReadyMs: 0, graceMs: 100 },
      log: { level: 'trace', statements },
    })
    await failInEveryWay(gateway.flight)
    await gateway.stop()
    await upstream.stop()
  })
  afterAll(() => expect(gateway.noise).toEqual([]))

  const linesWith = (fields: object) =>
    gateway.lines.filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value))

  it('the log contains statement texts and values only if configured', () => {
    const telling = gateway.lines.filter((line) => JSON.stringify(line).includes(CANARY))
    if (statements === 'text') expect(telling.length).toBeGreaterThan(failing.length)
    else expect(telling).toEqual([])
  })

  it('the log contains the kind of the engine’s error', () => {
    for (const event of ['call', 'statement'])
      for (const engineError of ['Parser Error', 'Binder Error', 'Conversion Error', 'INVALID_ARGUMENT', 'INTERNAL'])
        expect(linesWith({ event, engineError }), `${event} ${engineError}`).not.toEqual([])
    expect(linesWith({ event: 'call', code: 'BAD_DATA' })).not.toEqual([])
    expect(linesWith({ event: 'call', code: 'UPSTREAM_FAILED' })).not.toEqual([])
    expect(linesWith({ event: 'statement', outcome: 'BAD_SQL' }).every(({ sqlHash }) => Boolean(sqlHash))).toBe(
      statements === 'hash',
    )
  })
})

async function failInEveryWay(address: string): Promise<void> {
  const stub = new FlightStub(address)
  const key = { 'x-api-key': 'w-key' }
  const read = async (sql: string, source: string) => {
    const headers = { ...key, 'x-flightgate-source': source }
    const info = await stub.info(sql, headers).catch(() => undefined)
    if (info) await stub.call('DoGet', [ticketOf(info)], headers)
  }
  const fail = async (source: string, sql: string) => {
    const headers = { ...key, 'x-flightgate-source': source }
    const update = CommandStatementUpdate.encode({ query: sql, transactionId: undefined }).finish()
    await Promise.all([
      read(sql, source),
      stub.call('PollFlightInfo', [commandOf(sql)], headers),
      stub.call('DoPut', uploadOf('CommandStatementUpdate', update), headers),
    ])
  }
  await Promise.all(failing.map(([source, sql]) => fail(source, sql)))
  for (const sql of outages) await read(sql, 'up')
  await bind(stub, key)
  const options = { tableDefinitionOptions: { ifNotExist: 1, ifExists: 2 }, temporary: false, options: {} }
  const ingest = CommandStatementIngest.encode({ table: CANARY, ...options } as never).finish()
  const values = new Table({ i: vectorFromArray([CANARY], new Utf8()) })
  await stub.call('DoPut', uploadOf('CommandStatementIngest', ingest, values), key)
  const into = CommandStatementIngest.encode({ table: 't', ...options } as never).finish()
  await stub.call('DoPut', uploadOf('CommandStatementIngest', into, values), key)
  stub.close()
}

/** Binds the canary as a parameter of the wrong type. */
async function bind(stub: FlightStub, key: Readonly<Record<string, string>>): Promise<void> {
  const request = ActionCreatePreparedStatementRequest.encode({ query: 'SELECT ?::INTEGER', transactionId: undefined })
  const body = packAny('ActionCreatePreparedStatementRequest', request.finish())
  const created = await stub.call('DoAction', [Action.encode({ type: 'CreatePreparedStatement', body }).finish()], key)
  const result = unpackBody(Result.decode(created.messages[0]!).body, 'ActionCreatePreparedStatementResult')
  const { preparedStatementHandle } = ActionCreatePreparedStatementResult.decode(result)
  const command = CommandPreparedStatementQuery.encode({ preparedStatementHandle }).finish()
  const values = new Table({ '1': vectorFromArray([CANARY], new Utf8()) })
  const put = await stub.call('DoPut', uploadOf('CommandPreparedStatementQuery', command, values), key)
  const bound = DoPutPreparedStatementResult.decode(PutResult.decode(put.messages[0]!).appMetadata)
  const handle = bound.preparedStatementHandle!
  const query = CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish()
  const end = await stub.call('GetFlightInfo', [descriptorOf(packAny('CommandPreparedStatementQuery', query))], key)
  const rows = await stub.call('DoGet', [ticketOf(FlightInfo.decode(end.messages[0]!))], key)
  expect(rows.details).toContain(CANARY)
}

function uploadOf(name: string, command: Uint8Array, table?: Table): Uint8Array[] {
  const descriptor: FlightDescriptor = { type: 2, cmd: packAny(name, command), path: [] }
  const messages = table ? [...readStream(tableToIPC(table, 'stream'))] : [{ header: none, body: none }]
  return messages.map(({ header, body }, i) =>
    FlightData.encode({
      flightDescriptor: i === 0 ? descriptor : undefined,
      dataHeader: Buffer.from(header),
      appMetadata: none,
      dataBody: Buffer.from(body),
    }).finish(),
  )
}
