import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, FlightDescriptor, FlightInfo, Result, SchemaResult } from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandGetTables,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { encodeRecordBatch } from '../../src/arrow/batches/batch.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { encapsulate } from '../../src/arrow/ipc/ipc.ts'
import { encodeSchema, type Field } from '../../src/arrow/schema.ts'
import { encodeRows } from '../../src/fronts/flight/metadata/encode.ts'
import { tablesWithSchemaSchema } from '../../src/fronts/flight/metadata/schemas.ts'
import { sqlInfoFrames } from '../../src/fronts/flight/metadata/sql-info.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { commandOf, descriptorOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'

const OK = 0
const DATA_LOSS = 15
const TIME_LIMIT_MS = process.env['CI'] === 'true' ? 4000 : 2000
const none = new Uint8Array(0)
const column = (name: string, format: string, children: Field[] = []): Field => ({
  name,
  format,
  nullable: true,
  metadata: [['k', 'v']],
  children,
})
const root: Field = {
  name: '',
  format: '+s',
  nullable: false,
  metadata: [],
  children: [column('i', 'l'), column('l', '+l', [column('item', 'u')]), column('d', 'd:10,2')],
}
const schema = encodeSchema(root)
const layout = { rows: 1, nodes: [1, 0, 1, 0, 0, 0, 1, 0], bodyLength: 40 }
const batch = encodeRecordBatch({ ...layout, buffers: [0, 0, 0, 8, 8, 0, 8, 8, 16, 0, 16, 4, 24, 0, 24, 0, 24, 16] })
const joined = ({ chunks }: { readonly chunks: readonly Uint8Array[] }) => Buffer.concat(chunks)

/** The server's answers; each call gets one of them damaged. */
const intact = {
  planned: Buffer.from(encapsulate(schema)) as Uint8Array,
  streamedSchema: joined(frameOf(schema, none, 0)) as Uint8Array,
  streamedBatch: joined(frameOf(batch, Buffer.alloc(40), 1)) as Uint8Array,
  tableSchema: Buffer.from(encapsulate(schema)) as Uint8Array,
  tables: [] as Uint8Array[],
}
const tablesOf = (table_schema: Uint8Array): Uint8Array[] =>
  encodeRows(tablesWithSchemaSchema, [
    { catalog_name: 'c', db_schema_name: 's', table_name: 't', table_type: 'TABLE', table_schema },
  ]).map(joined)
let sent = intact

const script: Parameters<typeof byMethod>[0] = {
  GetFlightInfo({ messages }) {
    const command = unpackAny(FlightDescriptor.decode(messages[0]!).cmd)?.name ?? 'raw'
    const ticket = { ticket: Buffer.from(command) }
    const endpoint = [{ ticket, location: [], expirationTime: undefined, appMetadata: none }]
    const info = { flightDescriptor: undefined, totalRecords: -1n, totalBytes: -1n, ordered: false, appMetadata: none }
    return { messages: [FlightInfo.encode({ ...info, schema: sent.planned, endpoint }).finish()] }
  },
  GetSchema: () => ({ messages: [SchemaResult.encode({ schema: sent.planned }).finish()] }),
  DoGet({ messages }) {
    const ticket = messages[0]!.toString('latin1')
    if (ticket.includes('CommandGetTables'))
      return { messages: sent.tables.length > 0 ? sent.tables : tablesOf(sent.tableSchema) }
    if (ticket.includes('CommandGetSqlInfo'))
      return {
        messages: sqlInfoFrames(
          {
            version: '1',
            maxStatementBytes: 1,
            transactionIdleMs: 1,
            preparedTtlMs: 1,
            maxConnections: 1,
            readOnly: false,
            transactions: false,
            savepoints: false,
            ingestion: false,
            sql: new Map(),
          },
          [],
        ).map(joined),
      }
    return { messages: [sent.streamedSchema, sent.streamedBatch] }
  },
  DoAction({ messages }) {
    if (Action.decode(messages[0]!).type !== 'CreatePreparedStatement') return {}
    const prepared = ActionCreatePreparedStatementResult.encode({
      preparedStatementHandle: Buffer.from('h'),
      datasetSchema: sent.planned,
      parameterSchema: sent.planned,
      isUpdate: false,
    }).finish()
    return {
      messages: [Result.encode({ body: packAny('ActionCreatePreparedStatementResult', prepared) }).finish()],
    }
  },
}

/** A few bytes changed, or the end cut off. */
const damaged = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
      const copy = Uint8Array.from(bytes)
      for (const [at, value] of changes) copy[at] = value
      return copy
    }),
    fc.nat(bytes.length).map((length) => Uint8Array.from(bytes.subarray(0, length))),
  )

describe('damaged answers of an upstream', () => {
  let upstream: FakeUpstream
  let gateway: GatewayProcess
  let stub: FlightStub

  beforeAll(async () => {
    upstream = await FakeUpstream.start({ login: false, answer: byMethod(script) })
    const up = { kind: 'flightsql', uri: upstream.uri, pool: { min: 0, max: 4 } }
    // Each call must reach the server.
    gateway = await GatewayProcess.start({ sources: { up }, cache: { maxBytes: 0 } })
    stub = new FlightStub(gateway.flight, { 'grpc.primary_user_agent': 'grpc-java' })
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
    await upstream.stop()
  })

  const prepare = Action.encode({
    type: 'CreatePreparedStatement',
    body: packAny(
      'ActionCreatePreparedStatementRequest',
      ActionCreatePreparedStatementRequest.encode({ query: 'SELECT ?', transactionId: undefined }).finish(),
    ),
  }).finish()
  const plan = commandOf('SELECT 1')
  const tables = descriptorOf(
    packAny(
      'CommandGetTables',
      CommandGetTables.encode({
        catalog: undefined,
        dbSchemaFilterPattern: undefined,
        tableNameFilterPattern: undefined,
        tableTypes: [],
        includeSchema: true,
      }).finish(),
    ),
  )
  const listed = async () => {
    const planned = await stub.call('GetFlightInfo', [tables])
    return planned.code === OK ? await stub.call('DoGet', [ticketOf(FlightInfo.decode(planned.messages[0]!))]) : planned
  }
  const ticket = async () => ticketOf(await stub.info('SELECT 1'))
  /** A DoGet with the ticket of an intact plan. */
  const fetching = async () => {
    const redeemed = await ticket()
    return () => stub.call('DoGet', [redeemed])
  }

  it.each([
    ['the schema of a plan', 'planned', async () => () => stub.call('GetFlightInfo', [plan])],
    ['the schema of GetSchema', 'planned', async () => () => stub.call('GetSchema', [plan])],
    ['the schemas of a prepared statement', 'planned', async () => () => stub.call('DoAction', [prepare])],
    ['the schema of a result', 'streamedSchema', fetching],
    ['a batch', 'streamedBatch', fetching],
    ['the schema of a table', 'tableSchema', async () => listed],
    ['a list of tables', 'tables', async () => listed],
  ] as const)('client gets the data or DATA_LOSS, and the next call works: %s', async (_what, part, prepareCall) => {
    sent = intact
    expect((await (await prepareCall())()).code).toBe(OK)
    const messages = tablesOf(intact.tableSchema)
    const arbitrary =
      part === 'tables'
        ? fc
            .nat(messages.length - 1)
            .chain((at) => damaged(messages[at]!).map((bytes) => ({ tables: messages.with(at, bytes) })))
        : damaged(intact[part]).map((bytes) => ({ [part]: bytes }))
    const codes = new Set<number>()
    const until = performance.now() + TIME_LIMIT_MS
    await fc.assert(
      fc.asyncProperty(arbitrary, async (change) => {
        // Not fast-check's own time limit: its last run would overlap with the next case, and a slow machine has too few runs.
        if (performance.now() > until && codes.has(DATA_LOSS)) return
        const call = await prepareCall()
        sent = { ...intact, ...change }
        const { code, details } = await call()
        codes.add(code)
        // An intact call in between keeps the circuit breaker closed.
        sent = intact
        expect((await stub.call('DoGet', [await ticket()])).code).toBe(OK)
        if (code !== OK && code !== DATA_LOSS) throw new Error(`${code} ${details}`)
      }),
      { numRuns: 2000, endOnFailure: true },
    )
    expect(codes).toContain(DATA_LOSS)
  })
})
