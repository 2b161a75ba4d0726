import { Field, Int32, Schema, Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightData, FlightInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  CommandGetCatalogs,
  CommandGetDbSchemas,
  CommandGetTables,
  CommandStatementIngest,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { joinStream, readStream } from '../../src/arrow/ipc/ipc.ts'
import { packAny } from '../../src/fronts/flight/wire/command.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, sql } from './gateway-stub.ts'
import { jsonOf, postJson } from './http-client.ts'

const none = new Uint8Array(0)
const verbs = ['read', 'write', 'estimate', 'ingest', 'operate'] as const
type Verb = (typeof verbs)[number]
/** What the grant of a principal covers. */
const scopes = {
  everything: {},
  lake: { sources: ['lake'] },
  schema: { sources: ['Lake'], schemas: ['sales'] },
  table: { sources: ['lake'], tables: ['lake.Sales.orders'] },
} as const
type Scope = keyof typeof scopes

const tables = ['lake.sales.orders', 'lake.sales.items', 'lake.hr.people', 'sea.sales.orders'] as const
type TableName = (typeof tables)[number]

/** The expected matrix: which tables a scope covers. */
const covered: Readonly<Record<Scope, readonly TableName[]>> = {
  everything: tables,
  lake: ['lake.sales.orders', 'lake.sales.items', 'lake.hr.people'],
  schema: ['lake.sales.orders', 'lake.sales.items'],
  table: ['lake.sales.orders'],
}

interface Caller {
  readonly name: string
  readonly verb: Verb
  readonly scope: Scope
}

const callers: readonly Caller[] = verbs.flatMap((verb) =>
  (Object.keys(scopes) as Scope[])
    .filter((scope) => verb !== 'operate' || scope === 'everything' || scope === 'lake')
    .map((scope) => ({ name: `${verb}-${scope}`, verb, scope })),
)
const configured = {
  auth: { apiKeys: callers.map(({ name }) => ({ name, key: `key of ${name}`, roles: [name] })) },
  roles: Object.fromEntries(
    callers.map(({ name, verb, scope }) => [name, { grants: [{ verbs: [verb], ...scopes[scope] }] }]),
  ),
}
const keyOf = ({ name }: Pick<Caller, 'name'>) => ({ 'x-api-key': `key of ${name}` })
const sourceOf = (table: string) => table.split('.')[0]!
const sees = ({ scope }: Caller, source: string) => scope === 'everything' || source === 'lake'

type Outcome = 'ok' | 'FORBIDDEN' | 'UNKNOWN_SOURCE'

/** What a statement with this verb about a table must end with. */
function expected(caller: Caller, verb: Verb, table: TableName): Outcome {
  if (!sees(caller, sourceOf(table))) return 'UNKNOWN_SOURCE'
  return caller.verb === verb && covered[caller.scope].includes(table) ? 'ok' : 'FORBIDDEN'
}

const created = (source: string) =>
  tables
    .filter((table) => sourceOf(table) === source)
    .map((table) => table.slice(source.length + 1))
    .flatMap((table) => [
      `CREATE SCHEMA IF NOT EXISTS ${table.split('.')[0]}`,
      `CREATE TABLE ${table} AS SELECT 1::INTEGER AS i`,
    ])

describe('the matrix of verbs, sources, schemas, tables and fronts', () => {
  let gateway: GatewayProcess
  let flight: FlightStub
  let service: GatewayStub

  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      ...configured,
      sources: {
        lake: { kind: 'duckdb', writes: true, init: created('lake') },
        sea: { kind: 'duckdb', writes: true, init: created('sea') },
      },
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

  const outcomeOf = ({ code, trailers }: CallEnd): string =>
    code === 0 ? 'ok' : String(trailers?.get('x-flightgate-error')[0])

  /** Plans, and redeems the ticket; a statement that changes data runs when it is planned. */
  const overFlight = async (statement: string, headers: Readonly<Record<string, string>>): Promise<string> => {
    const planned = await flight.call('GetFlightInfo', [commandOf(statement)], headers)
    if (planned.code !== 0) return outcomeOf(planned)
    return outcomeOf(await flight.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))], headers))
  }
  const overGateway = async (call: Promise<unknown>): Promise<string> => {
    const settled = await call.then(
      () => undefined,
      (error: unknown) => failureOf(Promise.reject(error)),
    )
    return settled ? String(settled.error) : 'ok'
  }
  const overHttp = async (path: string, body: object, caller: Caller): Promise<string> => {
    const response = await postJson(gateway, `/api/v1${path}`, body, keyOf(caller))
    const text = await response.text()
    return response.ok ? 'ok' : JSON.parse(text).code
  }
  const upload = async (table: TableName, caller: Caller): Promise<string> => {
    const [catalog, schema, name] = table.split('.') as [string, string, string]
    const command = CommandStatementIngest.encode({
      tableDefinitionOptions: { ifNotExist: 1, ifExists: 2 },
      catalog,
      schema,
      table: name,
      temporary: false,
      options: {},
    } as CommandStatementIngest).finish()
    const rows = new Table(new Schema([new Field('i', new Int32())]), [])
    const { header } = [...readStream(tableToIPC(rows, 'stream'))][0]!
    const first = FlightData.encode({
      flightDescriptor: { type: 2, cmd: packAny('CommandStatementIngest', command), path: [] },
      dataHeader: Buffer.from(header),
      appMetadata: none,
      dataBody: none,
    }).finish()
    return outcomeOf(await flight.call('DoPut', [first], { ...keyOf(caller), 'x-flightgate-source': sourceOf(table) }))
  }

  /** Every way to send a statement with this verb about a table. */
  const ways: Readonly<
    Record<Exclude<Verb, 'operate'>, Readonly<Record<string, (table: TableName, caller: Caller) => Promise<string>>>>
  > = {
    read: {
      Flight: (table, caller) =>
        overFlight(`SELECT * FROM ${table}`, { ...keyOf(caller), 'x-flightgate-source': sourceOf(table) }),
      GetSchema: async (table, caller) =>
        outcomeOf(
          await flight.call('GetSchema', [commandOf(`SELECT * FROM ${table}`)], {
            ...keyOf(caller),
            'x-flightgate-source': sourceOf(table),
          }),
        ),
      Gateway: (table, caller) =>
        overGateway(
          service.read(
            'execute',
            { statement: sql(`SELECT * FROM ${table}`, { dataSource: sourceOf(table) }) } as never,
            keyOf(caller),
          ),
        ),
      HTTP: (table, caller) =>
        overHttp('/query', { query: `SELECT * FROM ${table}`, data_source: sourceOf(table) }, caller),
      'HTTP scan': (table, caller) =>
        overHttp('/query', { table: { name: table }, data_source: sourceOf(table) }, caller),
    },
    write: {
      Flight: (table, caller) =>
        overFlight(`INSERT INTO ${table} VALUES (1)`, { ...keyOf(caller), 'x-flightgate-source': sourceOf(table) }),
      Gateway: (table, caller) =>
        overGateway(
          service.read(
            'execute',
            { statement: sql(`INSERT INTO ${table} VALUES (1)`, { dataSource: sourceOf(table) }) } as never,
            keyOf(caller),
          ),
        ),
      HTTP: (table, caller) =>
        overHttp('/query', { query: `INSERT INTO ${table} VALUES (1)`, data_source: sourceOf(table) }, caller),
    },
    estimate: {
      Flight: async (table, caller) =>
        outcomeOf(
          await flight.call('GetFlightInfo', [commandOf(`SELECT * FROM ${table}`)], {
            ...keyOf(caller),
            'x-flightgate-source': sourceOf(table),
            'x-flightgate-estimate': 'true',
          }),
        ),
      Gateway: (table, caller) =>
        overGateway(
          service.unary(
            'estimateCost',
            { statement: sql(`SELECT * FROM ${table}`, { dataSource: sourceOf(table) }) } as never,
            keyOf(caller),
          ),
        ),
      HTTP: (table, caller) =>
        overHttp('/estimate-cost', { query: `SELECT * FROM ${table}`, data_source: sourceOf(table) }, caller),
    },
    ingest: { Flight: upload },
  }

  const cells = Object.entries(ways).flatMap(([verb, fronts]) =>
    Object.entries(fronts).map(([front, send]) => ({ verb: verb as Verb, front, send })),
  )

  it.each(cells)('$verb over $front', async ({ verb, send }) => {
    const found: Record<string, string> = {}
    const wanted: Record<string, string> = {}
    for (const caller of callers)
      await Promise.all(
        tables.map(async (table) => {
          const cell = `${caller.name} about ${table}`
          wanted[cell] = expected(caller, verb, table)
          found[cell] = await send(table, caller)
        }),
      )
    expect(found).toEqual(wanted)
  })

  /** The rows of a metadata command. */
  const metadata = async (caller: Caller, name: string, value: Uint8Array) => {
    const headers = keyOf(caller)
    const info = await flight.call('GetFlightInfo', [descriptorOf(packAny(name, value))], headers)
    const { messages } = await flight.call('DoGet', [ticketOf(FlightInfo.decode(info.messages[0]!))], headers)
    const parts = messages.map((message) => FlightData.decode(message))
    const table = tableFromIPC(
      joinStream(parts.map(({ dataHeader, dataBody }) => ({ header: dataHeader, body: dataBody }))),
    )
    return table.toArray().map((row) => row.toJSON() as Record<string, string>)
  }
  const own = (rows: readonly Record<string, string>[]) =>
    rows
      .filter(({ db_schema_name: schema }) => schema === 'sales' || schema === 'hr')
      .map((row) => [row['catalog_name'], row['db_schema_name'], row['table_name']].filter(Boolean).join('.'))
      .sort()

  it.each(callers)('$name sees what it may read, and the sources on which it has a grant', async (caller) => {
    const readable = caller.verb === 'read' ? covered[caller.scope] : []
    const command = { tableTypes: [], includeSchema: false }
    for (const includeSchema of [false, true])
      expect(
        own(
          await metadata(caller, 'CommandGetTables', CommandGetTables.encode({ ...command, includeSchema }).finish()),
        ),
      ).toEqual([...readable].sort())
    const schemas = [...new Set(readable.map((table) => table.split('.').slice(0, 2).join('.')))].sort()
    expect(own(await metadata(caller, 'CommandGetDbSchemas', CommandGetDbSchemas.encode({}).finish()))).toEqual(schemas)
    const catalogs = await metadata(caller, 'CommandGetCatalogs', CommandGetCatalogs.encode({}).finish())
    expect(catalogs.map((row) => row['catalog_name'])).toEqual([...new Set(readable.map(sourceOf))].sort())

    const sources = ['lake', 'sea'].filter((source) => sees(caller, source))
    const listed = await service.unary('listSources', {} as never, keyOf(caller))
    expect(listed.sources.map(({ name }) => name)).toEqual(sources)
    const { sources: overHttp } = await jsonOf(
      fetch(`http://${gateway.http}/api/v1/sources`, { headers: keyOf(caller) }),
    )
    expect(overHttp.map(({ name }: { name: string }) => name)).toEqual(sources)
    const sea = await fetch(`http://${gateway.http}/api/v1/sources/sea`, { headers: keyOf(caller) })
    expect(sea.status).toBe(sees(caller, 'sea') ? 200 : 404)
  })

  it('a source without a grant is as unknown as one that does not exist', async () => {
    const caller = { name: 'read-lake' }
    const told = async (source: string) =>
      (await flight.call('GetFlightInfo', [commandOf('SELECT 1')], { ...keyOf(caller), 'x-flightgate-source': source }))
        .details
    expect(await told('sea')).toBe((await told('nope')).replace('nope', 'sea'))
    expect(await told('sea')).toContain('known: lake.')
  })

  it('names the grant that is missing', async () => {
    const caller = { name: 'read-table' }
    const { details } = await flight.call('GetFlightInfo', [commandOf('SELECT * FROM lake.hr.people')], keyOf(caller))
    expect(details).toContain('read-table lacks the grant read on lake.hr.people: a role must grant it.')
  })

  it('a table of a source without a grant is one of nowhere, like that of a source that does not exist', async () => {
    const told = async (text: string) =>
      (await flight.call('GetFlightInfo', [commandOf(text)], keyOf({ name: 'read-table' }))).details
    const missing = await told('SELECT * FROM nope.main.nation')
    expect(missing).toContain('there is no source, catalog or schema nope for it')
    expect(missing).not.toContain('lake')
    expect(await told('SELECT * FROM sea.main.nation')).toBe(missing.replaceAll('nope', 'sea'))
  })

  it('tells of an unknown table no names of others that are like it', async () => {
    const { details, trailers } = await flight.call(
      'GetFlightInfo',
      [commandOf('SELECT * FROM lake.sales.people')],
      keyOf({ name: 'read-schema' }),
    )
    expect(trailers?.get('x-flightgate-error')).toEqual(['UNKNOWN_OBJECT'])
    expect(details).not.toContain('hr')
    const reader = await flight.call('GetFlightInfo', [commandOf('SELECT * FROM lake.sales.people')], {
      ...keyOf({ name: 'read-lake' }),
    })
    expect(reader.details).toContain('hr.people')
  })

  it('a ticket is worth what its principal is granted when it is redeemed', async () => {
    const headers = keyOf({ name: 'read-table' })
    const info = await flight.info('SELECT * FROM lake.sales.orders', headers)
    const redeem = async () => outcomeOf(await flight.call('DoGet', [ticketOf(info)], headers))
    expect(await redeem()).toBe('ok')
    const { roles } = configured
    await gateway.reload({
      roles: { ...roles, 'read-table': roles['read-schema'], 'read-schema': roles['read-table'] },
    })
    expect(await redeem()).toBe('ok')
    await gateway.reload({ roles: { ...roles, 'read-table': roles['ingest-table'] } })
    expect(await redeem()).toBe('FORBIDDEN')
  })
})
