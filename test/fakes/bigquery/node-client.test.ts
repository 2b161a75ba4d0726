import { BigQuery, type Query } from '@google-cloud/bigquery'
import { v1 } from '@google-cloud/bigquery-storage'
import { credentials } from '@grpc/grpc-js'
import { RecordBatchReader, type Table, tableFromIPC } from 'apache-arrow'
import { PassThroughClient } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BigQueryFake, startBigQueryFake } from './fake.ts'
import type { TableDeclaration } from './table.ts'

const mebibyte = 1 << 20

const people: TableDeclaration = {
  dataset: 'shop',
  name: 'people',
  schema: [
    { name: 'id', type: 'INT64' },
    { name: 'name', type: 'STRING' },
    { name: 'born', type: 'DATE' },
  ],
  rows: Array.from({ length: 25 }, (_, index) => ({
    f: [{ v: String(index) }, { v: `p${index}` }, { v: `2000-01-${String(index + 1).padStart(2, '0')}` }],
  })),
}

const sales: TableDeclaration = {
  dataset: 'shop',
  name: 'sales',
  location: 'EU',
  schema: [
    { name: 'day', type: 'DATE' },
    { name: 'item', type: 'STRING' },
    { name: 'price', type: 'NUMERIC' },
  ],
  columnBytes: { day: 800 * mebibyte, item: 1600 * mebibyte, price: 1600 * mebibyte },
  partitioning: {
    column: 'day',
    type: 'DAY',
    partitions: ['20240101', '20240102', '20240103', '20240104'].map((id) => ({ id, rows: 25_000_000 })),
  },
}

let fake: BigQueryFake
let client: BigQuery

beforeAll(async () => {
  fake = await startBigQueryFake({ tables: [people, { ...sales, location: 'US' }], pageRows: 10 })
  client = new BigQuery({
    projectId: 'test-project',
    apiEndpoint: fake.endpoint,
    authClient: new PassThroughClient() as never,
  })
})
afterAll(() => fake.close())

async function estimate(query: Query): Promise<number> {
  const [job] = await client.createQueryJob({ ...query, dryRun: true })
  return Number(job.metadata.statistics.totalBytesProcessed)
}

describe('a dry run counts', () => {
  it.each([
    ['SELECT * FROM shop.sales', 4000],
    ['SELECT item FROM shop.sales', 1600],
    ['SELECT item FROM shop.sales LIMIT 1', 1600],
    ["SELECT item FROM shop.sales WHERE day = '2024-01-02'", 600],
    ['SELECT item FROM (SELECT * FROM shop.sales) WHERE day >= DATE "2024-01-03"', 1200],
    ['WITH s AS (SELECT * FROM shop.sales) SELECT a.item FROM s a JOIN s b ON a.day = b.day', 2400],
    ['SELECT * EXCEPT (item) FROM `test-project.shop.sales`', 2400],
    ['SELECT COUNT(*) FROM shop.sales', 0],
    ['SELECT day, SUM(price) FROM shop.sales GROUP BY day ORDER BY 2 DESC', 2400],
    ['SELECT item FROM shop.sales WHERE EXTRACT(YEAR FROM day) = 2024', 2400],
  ])('%s: %i MiB', async (query, mebibytes) => {
    expect(await estimate({ query })).toBe(mebibytes * mebibyte)
  })

  it('by parameters too', async () => {
    const query = 'SELECT price FROM shop.sales WHERE day BETWEEN @from AND @to'
    const params = { from: BigQuery.date('2024-01-02'), to: BigQuery.date('2024-01-03') }
    expect(await estimate({ query, params })).toBe(1200 * mebibyte)
  })

  it('and tells statement type, schema and accuracy, but no job id', async () => {
    const [job] = await client.createQueryJob({ query: 'SELECT name, id + 1 AS next FROM shop.people', dryRun: true })
    expect(job.metadata.jobReference).toEqual({ projectId: 'test-project', location: 'US' })
    expect(job.metadata.statistics.query).toMatchObject({
      statementType: 'SELECT',
      totalBytesProcessedAccuracy: 'PRECISE',
      schema: {
        fields: [
          { name: 'name', type: 'STRING' },
          { name: 'next', type: 'INTEGER' },
        ],
      },
    })
  })
})

describe('a run', () => {
  it('answers rows over several pages', async () => {
    const [rows] = await client.query({ query: 'SELECT id, name FROM shop.people WHERE id >= 2 ORDER BY id DESC' })
    expect(rows).toHaveLength(23)
    expect(rows[0]).toEqual({ id: 24, name: 'p24' })
  })

  it('bills at least 10 MiB, and nothing from the cache', async () => {
    const before = fake.billedBytes
    await client.query({ query: 'SELECT id FROM shop.people WHERE id = 7' })
    expect(fake.billedBytes - before).toBe(10 * mebibyte)
    await client.query({ query: 'SELECT id FROM shop.people WHERE id = 7' })
    expect(fake.billedBytes - before).toBe(10 * mebibyte)
  })

  it('fails beyond the limit on billed bytes', async () => {
    const query = { query: 'SELECT item FROM shop.sales', maximumBytesBilled: '1000' }
    await expect(client.query(query)).rejects.toThrow(
      'Query exceeded limit for bytes billed: 1000. 1677721600 or higher required.',
    )
  })

  it.each([
    ['SELECT 1 FROM shop.nothing', 404, 'Not found: Table test-project:shop.nothing'],
    ['SELECT 1 FROM nowhere.nothing', 403, 'Access Denied: Table test-project:nowhere.nothing'],
    ['SELEC 1', 400, 'Syntax error: Unexpected identifier "SELEC" at [1:1]'],
    ['SELECT missing FROM shop.people', 400, 'Unrecognized name: missing at [1:8]'],
  ])('%s: HTTP %i', async (query, code, message) => {
    await expect(client.query({ query })).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
  })
})

describe('the Storage API', () => {
  const read = async (table: string, streams: number): Promise<Table> => {
    const [host, port] = fake.storageEndpoint.split(':')
    const storage = new v1.BigQueryReadClient({
      apiEndpoint: host!,
      servicePath: host!,
      port: Number(port),
      projectId: 'test-project',
      sslCreds: credentials.createInsecure() as never,
      authClient: new PassThroughClient() as never,
    })
    try {
      const [session] = await storage.createReadSession({
        parent: 'projects/test-project',
        readSession: { table, dataFormat: 'ARROW' },
        preferredMinStreamCount: streams,
      })
      const parts: Uint8Array[] = [session.arrowSchema!.serializedSchema as Uint8Array]
      for (const { name } of session.streams ?? [])
        for await (const { arrowRecordBatch } of storage.readRows({ readStream: name!, offset: 0 }))
          parts.push(arrowRecordBatch.serializedRecordBatch)
      return tableFromIPC(RecordBatchReader.from(Buffer.concat(parts)))
    } finally {
      await storage.close()
    }
  }

  it('reads the result of a query', async () => {
    const [job] = await client.createQueryJob({ query: 'SELECT name FROM shop.people' })
    await job.promise()
    const { projectId, datasetId, tableId } = job.metadata.configuration.query.destinationTable
    const table = await read(`projects/${projectId}/datasets/${datasetId}/tables/${tableId}`, 4)
    expect(table.numRows).toBe(25)
    expect(table.get(3)!.toJSON()).toEqual({ name: 'p3' })
  })
})
