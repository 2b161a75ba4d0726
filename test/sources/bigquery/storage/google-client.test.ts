import { v1 } from '@google-cloud/bigquery-storage'
import { credentials } from '@grpc/grpc-js'
import { PassThroughClient } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFrame } from '../../../../src/arrow/ipc/flight-data.ts'
import { encapsulate, joinStream } from '../../../../src/arrow/ipc/ipc.ts'
import { readTable } from '../../../../src/sources/bigquery/storage/read-table.ts'
import type { StorageClient } from '../../../../src/sources/bigquery/storage/storage-client.ts'
import { type BigQueryFake, startBigQueryFake } from '../../../fakes/bigquery/fake.ts'
import type { FieldSchema } from '../../../fakes/bigquery/schema.ts'
import type { TableDeclaration } from '../../../fakes/bigquery/table.ts'
import { clientOf, context } from './reading.ts'

/** A column of each type, with values at its limits; NULL in every fifth row. */
const columns: readonly (readonly [FieldSchema, readonly string[]])[] = [
  [{ name: 'i', type: 'INT64' }, ['9223372036854775807', '-9223372036854775808', '0']],
  [{ name: 'f', type: 'FLOAT64' }, ['1.5', 'NaN', '-Infinity']],
  [{ name: 'b', type: 'BOOL' }, ['true', 'false']],
  [{ name: 's', type: 'STRING' }, ['', 'ä€😀', 'x'.repeat(500)]],
  [{ name: 'y', type: 'BYTES' }, ['AP+A', '']],
  [{ name: 'd', type: 'DATE' }, ['0001-01-01', '9999-12-31']],
  [{ name: 't', type: 'TIME' }, ['23:59:59.999999', '00:00:00']],
  [{ name: 'dt', type: 'DATETIME' }, ['0001-01-01T00:00:00', '9999-12-31T23:59:59.999999']],
  [{ name: 'ts', type: 'TIMESTAMP' }, ['-62135596800000000', '253402300799999999']],
  [{ name: 'n', type: 'NUMERIC' }, ['99999999999999999999999999999.999999999', '-1']],
  [{ name: 'bn', type: 'BIGNUMERIC' }, ['12345678901234567890123456789012345678.5', '-0.1']],
  [{ name: 'g', type: 'GEOGRAPHY' }, ['POINT(1 2)']],
  [{ name: 'j', type: 'JSON' }, ['{"a":[1]}']],
  [{ name: 'iv', type: 'INTERVAL' }, ['1-2 3 4:5:6.789', '0-0 0 0:0:0']],
]
const wide: TableDeclaration = {
  dataset: 'd',
  name: 'wide',
  schema: [
    ...columns.map(([field]) => field),
    { name: 'r', type: 'INT64', mode: 'REPEATED' },
    {
      name: 'st',
      type: 'STRUCT',
      fields: [
        { name: 'a', type: 'STRING' },
        { name: 'c', type: 'INT64' },
      ],
    },
  ],
  rows: Array.from({ length: 2000 }, (_, row) => ({
    f: [
      ...columns.map(([, values]) => ({ v: row % 5 === 4 ? null : values[row % values.length]! })),
      { v: Array.from({ length: row % 3 }, (_, i) => ({ v: String(i) })) },
      { v: row % 7 === 0 ? null : { f: [{ v: `s${row}` }, { v: null }] } },
    ],
  })),
}
const empty: TableDeclaration = { dataset: 'd', name: 'empty', schema: wide.schema, rows: [] }
const small: TableDeclaration = {
  dataset: 'd',
  name: 'small',
  schema: [{ name: 'i', type: 'INT64' }],
  rows: [{ f: [{ v: '1' }] }],
}

let fake: BigQueryFake
let google: v1.BigQueryReadClient
let own: StorageClient

beforeAll(async () => {
  const tables = [wide, empty, small]
  fake = await startBigQueryFake({ tables, batchRows: 97, smallTableBytes: 100, lopsided: true })
  const [host, port] = fake.storageEndpoint.split(':')
  google = new v1.BigQueryReadClient({
    apiEndpoint: host!,
    servicePath: host!,
    port: Number(port),
    projectId: 'test-project',
    sslCreds: credentials.createInsecure() as never,
    authClient: new PassThroughClient() as never,
  })
  own = clientOf({ host: host!, port: Number(port), tls: false })
})
afterAll(async () => {
  await google.close()
  own.close()
  await fake.close()
})

interface Content {
  readonly schema: string
  /** The serialized batches, sorted, since streams have no order. */
  readonly batches: readonly string[]
  readonly rows: number
  readonly streams: number
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

async function byGoogle(table: string, streams: number): Promise<Content> {
  const [session] = await google.createReadSession({
    parent: 'projects/test-project',
    readSession: { table: `projects/test-project/datasets/d/tables/${table}`, dataFormat: 'ARROW' },
    maxStreamCount: streams,
    preferredMinStreamCount: streams,
  })
  const batches: string[] = []
  let rows = 0
  for (const { name } of session.streams ?? [])
    for await (const response of google.readRows({ readStream: name!, offset: 0 })) {
      batches.push(hex(response.arrowRecordBatch.serializedRecordBatch))
      rows += Number(response.rowCount)
    }
  const schema = hex(session.arrowSchema!.serializedSchema as Uint8Array)
  return { schema, batches: batches.sort(), rows, streams: session.streams!.length }
}

async function byGateway(table: string, streams: number): Promise<Content> {
  const name = { project: 'test-project', dataset: 'd', table }
  const read = { table: name, parentProject: 'test-project', ordered: false, wantedStreams: streams }
  const result = await readTable(read, own, context())
  const batches: string[] = []
  let rows = 0
  for await (const frames of result.frames)
    for (const frame of frames) {
      const { header, body } = readFrame(frame)
      batches.push(hex(joinStream([{ header, body }])))
      rows += frame.rows
      frame.release?.()
    }
  const schema = hex(encapsulate(readFrame(result.schema!).header))
  return { schema, batches: batches.sort(), rows, streams: result.streams }
}

describe("Google's client and the gateway read the same bytes", () => {
  it.each([
    ['wide', 4, 4, 2000],
    ['wide', 1, 1, 2000],
    ['empty', 4, 0, 0],
    ['small', 4, 1, 1],
  ])('table %s with %i streams wanted and %i given', async (table, wanted, streams, rows) => {
    const expected = await byGoogle(table, wanted)
    expect(await byGateway(table, wanted)).toEqual(expected)
    expect(expected).toMatchObject({ streams, rows })
  })

  it('each asks with the routing header that the server requires', () => {
    const headers = fake.requests.map(({ method, headers }) => [method, headers['x-goog-request-params']])
    const routes = new Set(headers.map(([method, value]) => `${method} ${String(value).split('=')[0]}`))
    expect([...routes].sort()).toEqual(['CreateReadSession read_session.table', 'ReadRows read_stream'])
  })
})
