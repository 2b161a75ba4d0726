import { Field, Int32, Schema, Table, tableToIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  FlightData,
  FlightDescriptor,
  FlightDescriptor_DescriptorType,
  FlightInfo,
  PollInfo,
  PutResult,
  Result,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionBeginSavepointRequest,
  ActionBeginTransactionRequest,
  ActionBeginTransactionResult,
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandGetCrossReference,
  CommandGetExportedKeys,
  CommandGetImportedKeys,
  CommandGetPrimaryKeys,
  CommandGetTables,
  CommandPreparedStatementQuery,
  CommandStatementSubstraitPlan,
  CommandStatementUpdate,
  DoPutPreparedStatementResult,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql } from './gateway-stub.ts'
import { postJson } from './http-client.ts'

type Headers = Readonly<Record<string, string>>
const none = new Uint8Array(0)
const roles = {
  part: { grants: [{ verbs: ['read', 'estimate'], sources: ['lake'], tables: ['sales.orders'] }] },
  all: { grants: [{ verbs: ['read', 'estimate'], sources: ['lake'] }] },
  estimator: { grants: [{ verbs: ['estimate'], sources: ['lake'] }] },
  changer: { grants: [{ verbs: ['read', 'write', 'ingest'], sources: ['lake'], tables: ['sales.orders'] }] },
  lakeops: { grants: [{ verbs: ['operate'], sources: ['lake'] }] },
  elsewhere: { grants: [{ verbs: ['read', 'operate'], sources: ['sea'] }] },
}
type Name = keyof typeof roles
const keyOf = (name: Name): Headers => ({ 'x-api-key': `key of ${name}` })

interface Answer {
  readonly outcome: string
  readonly told: string
}

let gateway: GatewayProcess
let flight: FlightStub
let service: GatewayStub

beforeAll(async () => {
  const init = [
    'CREATE SCHEMA sales',
    'CREATE SCHEMA hr',
    'CREATE TABLE sales.orders (i INTEGER PRIMARY KEY)',
    'CREATE TABLE hr.people (canary_id INTEGER PRIMARY KEY, canary_ref INTEGER REFERENCES hr.people (canary_id))',
    'CREATE TABLE hr.canary_links (i INTEGER REFERENCES hr.people (canary_id))',
  ]
  gateway = await GatewayProcess.start({
    auth: { apiKeys: (Object.keys(roles) as Name[]).map((name) => ({ name, key: `key of ${name}`, roles: [name] })) },
    roles,
    sources: { lake: { kind: 'duckdb', writes: true, init }, sea: { kind: 'duckdb' } },
    defaultSource: 'lake',
  })
  flight = new FlightStub(gateway.flight)
  service = new GatewayStub(gateway.flight)
})
afterAll(async () => {
  flight.close()
  service.close()
  expect(await gateway.stop()).toBe(0)
  expect(gateway.noise).toEqual([])
})

const ended = ({ code, details, trailers, messages }: CallEnd): Answer => ({
  outcome: code === 0 ? 'ok' : String(trailers?.get('x-flightgate-error')[0]),
  told: [details, ...messages.map((message) => message.toString('latin1'))].join(),
})
const redeemed = async (planned: CallEnd, info: FlightInfo | undefined, headers: Headers): Promise<Answer> =>
  planned.code === 0 && info ? ended(await flight.call('DoGet', [ticketOf(info)], headers)) : ended(planned)
const act = (type: string, body: Uint8Array, headers: Headers) =>
  flight.call('DoAction', [Action.encode({ type, body: Buffer.from(body) }).finish()], headers)
const bodyOf = (end: CallEnd) => unpackAny(Result.decode(end.messages[0]!).body)!.value

const begin = async (headers: Headers) => {
  const request = ActionBeginTransactionRequest.encode({}).finish()
  const end = await act('BeginTransaction', packAny('ActionBeginTransactionRequest', request), headers)
  return end.code === 0 ? ActionBeginTransactionResult.decode(bodyOf(end)).transactionId : undefined
}
const prepare = (statement: string, headers: Headers) => {
  const request = ActionCreatePreparedStatementRequest.encode({ query: statement }).finish()
  return act('CreatePreparedStatement', packAny('ActionCreatePreparedStatementRequest', request), headers)
}
const handleOf = (end: CallEnd) => ActionCreatePreparedStatementResult.decode(bodyOf(end)).preparedStatementHandle
const ofHandle = (preparedStatementHandle: Uint8Array) =>
  packAny('CommandPreparedStatementQuery', CommandPreparedStatementQuery.encode({ preparedStatementHandle }).finish())
const run = async (handle: Uint8Array, headers: Headers) => {
  const planned = await flight.call('GetFlightInfo', [descriptorOf(ofHandle(handle))], headers)
  return redeemed(planned, planned.code === 0 ? FlightInfo.decode(planned.messages[0]!) : undefined, headers)
}
const uploadOf = (cmd: Uint8Array) => {
  const rows = new Table(new Schema([new Field('i', new Int32())]), [])
  const { header } = [...readStream(tableToIPC(rows, 'stream'))][0]!
  const flightDescriptor = { type: FlightDescriptor_DescriptorType.CMD, cmd: Buffer.from(cmd), path: [] }
  return [
    FlightData.encode({
      flightDescriptor,
      dataHeader: Buffer.from(header),
      appMetadata: none,
      dataBody: none,
    }).finish(),
  ]
}
const update = async (statement: string, headers: Headers, transactionId?: Uint8Array) => {
  const value = CommandStatementUpdate.encode({ query: statement, transactionId }).finish()
  return ended(await flight.call('DoPut', uploadOf(packAny('CommandStatementUpdate', value)), headers))
}
const byService = async (call: Promise<unknown>): Promise<Answer> =>
  call.then(
    (messages) => {
      const told = JSON.stringify(messages, (_, value) => (typeof value === 'bigint' ? String(value) : value))
      return { outcome: /"code":"(\w+)"/.exec(told)?.[1] ?? 'ok', told }
    },
    (error) => ({ outcome: String(error.metadata.get('x-flightgate-error')[0]), told: error.details }),
  )
const http = async (path: string, body: object, headers: Headers, accept = 'application/json'): Promise<Answer> => {
  const response = await postJson(gateway, `/api/v1${path}`, body, { ...headers, accept })
  const told = await response.text()
  return { outcome: /"code":\s*"(\w+)"/.exec(told)?.[1] ?? (response.ok ? 'ok' : String(response.status)), told }
}

type Way = (statement: string, headers: Headers) => Promise<Answer>
const reads: Readonly<Record<string, Way>> = {
  'CreatePreparedStatement and DoGet': async (statement, headers) => {
    const end = await prepare(statement, headers)
    return end.code === 0 ? run(handleOf(end), headers) : ended(end)
  },
  'GetSchema of a prepared statement': async (statement, headers) => {
    const end = await prepare(statement, headers)
    if (end.code !== 0) return ended(end)
    return ended(await flight.call('GetSchema', [descriptorOf(ofHandle(handleOf(end)))], headers))
  },
  'parameters by DoPut': async (statement, headers) => {
    const end = await prepare(`${statement} WHERE 1 = ?::INTEGER`, headers)
    if (end.code !== 0) return ended(end)
    const put = await flight.call('DoPut', uploadOf(ofHandle(handleOf(end))), headers)
    if (put.code !== 0) return ended(put)
    const { appMetadata } = PutResult.decode(put.messages[0]!)
    return run(DoPutPreparedStatementResult.decode(appMetadata).preparedStatementHandle!, headers)
  },
  PollFlightInfo: async (statement, headers) => {
    let end = await flight.call('PollFlightInfo', [commandOf(statement)], headers)
    for (;;) {
      if (end.code !== 0) return ended(end)
      const { flightDescriptor, info } = PollInfo.decode(end.messages[0]!)
      if (!flightDescriptor) return redeemed(end, info, headers)
      end = await flight.call('PollFlightInfo', [FlightDescriptor.encode(flightDescriptor).finish()], headers)
    }
  },
  'a transaction': async (statement, headers) => {
    const planned = await flight.call('GetFlightInfo', [commandOf(statement, await begin(headers))], headers)
    return redeemed(planned, planned.code === 0 ? FlightInfo.decode(planned.messages[0]!) : undefined, headers)
  },
  PlanBatch: (statement, headers) =>
    byService(service.unary('planBatch', { statements: [sql(statement)], options: undefined } as never, headers)),
  ExecuteBatch: (statement, headers) =>
    byService(service.read('executeBatch', { statements: [sql(statement)], options: undefined } as never, headers)),
  '/stream': (query, headers) => http('/stream', { query }, headers),
  '/stream/sse': (query, headers) => http('/stream/sse', { query }, headers, 'text/event-stream'),
  '/batch': (query, headers) => http('/batch', { queries: [{ query }] }, headers),
  '/batch/stream': (query, headers) => http('/batch/stream', { queries: [{ query }] }, headers, 'application/x-ndjson'),
  '/batch/stream as events': (query, headers) =>
    http('/batch/stream', { queries: [{ query }] }, headers, 'text/event-stream'),
}
const changes: Readonly<Record<string, Way>> = {
  CommandStatementUpdate: (statement, headers) => update(statement, headers),
  'an update in a transaction': async (statement, headers) => update(statement, headers, await begin(headers)),
  ExecuteBatch: reads['ExecuteBatch']!,
  '/batch': reads['/batch']!,
  'CreatePreparedStatement and DoGet': reads['CreatePreparedStatement and DoGet']!,
}
const estimates: Readonly<Record<string, Way>> = {
  'x-flightgate-estimate: only': async (statement, headers) =>
    ended(await flight.call('GetFlightInfo', [commandOf(statement)], { ...headers, 'x-flightgate-estimate': 'only' })),
  BatchEstimateCost: (statement, headers) =>
    byService(service.unary('batchEstimateCost', { statements: [sql(statement)] } as never, headers)),
  '/estimate-cost': (query, headers) => http('/estimate-cost', { query }, headers),
}

type Cell = readonly [Name, string, string]
const orders = 'SELECT * FROM sales.orders'
const people = 'SELECT * FROM hr.people'
const cells: readonly (readonly [string, Readonly<Record<string, Way>>, readonly Cell[]])[] = [
  [
    'read',
    reads,
    [
      ['part', orders, 'ok'],
      ['part', people, 'FORBIDDEN'],
      ['all', people, 'ok'],
      ['estimator', orders, 'FORBIDDEN'],
      ['lakeops', orders, 'FORBIDDEN'],
      ['changer', people, 'FORBIDDEN'],
      ['elsewhere', people, 'UNKNOWN_SOURCE'],
    ],
  ],
  [
    'write',
    changes,
    [
      ['changer', 'DELETE FROM sales.orders', 'ok'],
      ['changer', 'DELETE FROM hr.people', 'FORBIDDEN'],
      ['changer', 'INSERT INTO sales.orders SELECT canary_id FROM hr.people', 'FORBIDDEN'],
      ['part', 'DELETE FROM sales.orders', 'FORBIDDEN'],
      ['all', 'DELETE FROM hr.people', 'FORBIDDEN'],
      ['estimator', 'DELETE FROM hr.people', 'FORBIDDEN'],
      ['elsewhere', 'DELETE FROM hr.people', 'UNKNOWN_SOURCE'],
    ],
  ],
  [
    'estimate',
    estimates,
    [
      ['part', orders, 'ok'],
      ['part', people, 'FORBIDDEN'],
      ['estimator', people, 'ok'],
      ['changer', orders, 'FORBIDDEN'],
      ['lakeops', orders, 'FORBIDDEN'],
      ['elsewhere', people, 'UNKNOWN_SOURCE'],
    ],
  ],
]

describe('every way to send a statement', () => {
  it.each(
    cells.flatMap(([verb, ways, expected]) =>
      Object.entries(ways).map(([way, send]) => ({ verb, way, send, expected })),
    ),
  )('$verb by $way', async ({ send, expected }) => {
    const found = await Promise.all(expected.map(([name, statement]) => send(statement, keyOf(name))))
    expect(found.map(({ outcome }, at) => [...expected[at]!.slice(0, 2), outcome])).toEqual(expected)
    for (const { outcome, told } of found) if (outcome !== 'ok') expect(told).not.toMatch(/canary_(?!id FROM)/)
  })
})

describe('what a principal sees', () => {
  it('names of tables and keys only where it may read', async () => {
    const pattern = { tableTypes: [], includeSchema: true }
    const commands: readonly (readonly [string, Uint8Array])[] = [
      ['CommandGetTables', CommandGetTables.encode(pattern).finish()],
      ['CommandGetTables', CommandGetTables.encode({ ...pattern, tableNameFilterPattern: 'p_ople' }).finish()],
      ['CommandGetTables', CommandGetTables.encode({ ...pattern, dbSchemaFilterPattern: '%r' }).finish()],
      ['CommandGetPrimaryKeys', CommandGetPrimaryKeys.encode({ dbSchema: 'hr', table: 'people' }).finish()],
      ['CommandGetExportedKeys', CommandGetExportedKeys.encode({ dbSchema: 'hr', table: 'people' }).finish()],
      ['CommandGetImportedKeys', CommandGetImportedKeys.encode({ dbSchema: 'hr', table: 'canary_links' }).finish()],
      [
        'CommandGetCrossReference',
        CommandGetCrossReference.encode({ pkTable: 'people', fkTable: 'canary_links' } as never).finish(),
      ],
    ]
    for (const name of ['part', 'estimator', 'lakeops', 'elsewhere', 'all'] as const) {
      let sees = false
      for (const [command, value] of commands) {
        const planned = await flight.call('GetFlightInfo', [descriptorOf(packAny(command, value))], keyOf(name))
        const { outcome, told } = await redeemed(planned, FlightInfo.decode(planned.messages[0]!), keyOf(name))
        expect(outcome).toBe('ok')
        sees ||= /canary|people/.test(told)
      }
      expect([name, sees]).toEqual([name, name === 'all'])
    }
  })

  it('statements of others only with operate on their source, and its own always', async () => {
    const lists: Readonly<Record<string, (headers: Headers) => Promise<Answer>>> = {
      ListQueries: (headers) => byService(service.unary('listQueries', { dataSource: '', principal: '' }, headers)),
      ListRecentQueries: (headers) =>
        byService(
          service.unary('listRecentQueries', { dataSource: '', principal: '', outcome: '', limit: 1000 }, headers),
        ),
      '/queries': (headers) => got('/queries', headers),
      '/queries/recent': (headers) => got('/queries/recent?limit=1000', headers),
      '/cache/entries': (headers) => got('/cache/entries', headers),
    }
    for (const [list, ask] of Object.entries(lists)) {
      const told = Object.fromEntries(
        await Promise.all(
          (['elsewhere', 'part', 'lakeops'] as const).map(
            async (name) => [name, (await ask(keyOf(name))).told] as const,
          ),
        ),
      )
      expect([list, told['elsewhere']]).toEqual([list, expect.not.stringContaining('FROM sales.orders')])
      expect([list, told['part']]).toEqual([list, expect.not.stringMatching(/"(all|changer|estimator)"/)])
    }
    for (const recent of ['ListRecentQueries', '/queries/recent'])
      expect((await lists[recent]!(keyOf('lakeops'))).told).toContain('FROM sales.orders')
    for (const ask of [
      (headers: Headers) =>
        byService(
          service.unary('listRecentQueries', { dataSource: '', principal: 'all', outcome: '', limit: 1000 }, headers),
        ),
      (headers: Headers) => byService(service.unary('getUsage', { principal: 'all' }, headers)),
      (headers: Headers) => got('/usage?principal=all', headers),
      (headers: Headers) => got('/queries/recent?principal=all', headers),
    ]) {
      const { outcome, told } = await ask(keyOf('part'))
      if (outcome === 'ok') expect(told).not.toContain('sales')
      else expect(outcome).toBe('FORBIDDEN')
    }
  })

  it('sources and their last hour only with a grant on them', async () => {
    for (const path of ['/sources', '/sources/lake', '/history', '/sources/lake/history', '/usage', '/costs'])
      expect([path, (await got(path, keyOf('elsewhere'))).told]).toEqual([
        path,
        expect.not.stringMatching(/"lake"(?!;)/),
      ])
    expect((await got('/sources/lake/history', keyOf('elsewhere'))).outcome).toBe('UNKNOWN_SOURCE')
    const asked = byService(service.unary('getSource', { name: 'lake' } as never, keyOf('elsewhere')))
    expect((await asked).outcome).toBe('UNKNOWN_SOURCE')
  })

  it('no plan of Substrait, and no savepoint without a transaction of its own', async () => {
    const value = CommandStatementSubstraitPlan.encode({ plan: { plan: Buffer.from('x'), version: '1' } }).finish()
    const plan = descriptorOf(packAny('CommandStatementSubstraitPlan', value))
    for (const method of ['GetFlightInfo', 'GetSchema'])
      expect(ended(await flight.call(method, [plan], keyOf('all'))).outcome).toBe('UNIMPLEMENTED')
    const transactionId = (await begin(keyOf('changer')))!
    const request = ActionBeginSavepointRequest.encode({ transactionId, name: 's' }).finish()
    const savepoint = packAny('ActionBeginSavepointRequest', request)
    expect(ended(await act('BeginSavepoint', savepoint, keyOf('all'))).outcome).not.toBe('ok')
    const stolen = await flight.call('GetFlightInfo', [commandOf(orders, transactionId)], keyOf('all'))
    expect(ended(stolen).outcome).not.toBe('ok')
    const handle = handleOf(await prepare(people, keyOf('all')))
    expect((await run(handle, keyOf('part'))).outcome).not.toBe('ok')
  })
})

async function got(path: string, headers: Headers): Promise<Answer> {
  const response = await fetch(`http://${gateway.http}/api/v1${path}`, { headers })
  const told = await response.text()
  return { outcome: response.ok ? 'ok' : JSON.parse(told).code, told }
}
