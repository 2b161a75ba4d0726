import { afterAll, beforeAll, expect, it } from 'vitest'
import { encodeRecordBatch } from '../../../src/arrow/batches/batch.ts'
import { joinStream } from '../../../src/arrow/ipc/ipc.ts'
import { decodeSchema, encodeSchema } from '../../../src/arrow/schema.ts'
import type { Charge } from '../../../src/query/billing/charge.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { BigQuerySource } from '../../../src/sources/bigquery/source.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { chargeOf, contextFor, openSource, queryOf, rowsOf, runSql } from './open-source.ts'

let fake: BigQueryFake
let source: BigQuerySource

beforeAll(async () => {
  fake = await startBigQueryFake({
    tables: [
      {
        dataset: 'shop',
        name: 'few',
        schema: [{ name: 'n', type: 'INT64' }],
        rows: [{ f: [{ v: '1' }] }, { f: [{ v: '2' }] }, { f: [{ v: '3' }] }],
      },
    ],
  })
  source = openSource(fake).source
})

afterAll(async () => {
  await source?.close()
  await fake?.close()
})

/** Rows of one parameter of the type INT64. */
function integers(name: string, values: readonly bigint[]): Buffer {
  const field = { name, format: 'l', nullable: true, metadata: [], children: [] }
  const schema = encodeSchema({ name: '', format: '+s', nullable: false, metadata: [], children: [field] })
  const body = Buffer.from(BigInt64Array.from(values).buffer)
  const rows = values.length
  const header = encodeRecordBatch({
    rows,
    nodes: [rows, 0],
    buffers: [0, 0, 0, body.length],
    bodyLength: body.length,
  })
  const batches = rows > 0 ? [{ header, body }] : []
  return joinStream([{ header: schema, body: Buffer.alloc(0) }, ...batches])
}

const runs = () => fake.jobs.all.filter((job) => !(job.configuration as { dryRun?: boolean }).dryRun).length

it.each([
  ['SELECT n FROM shop.few WHERE n = ?', ''],
  ['SELECT n FROM shop.few WHERE n = @wanted', 'WANTED'],
])('%s runs once for each row of parameters, and its results come as one', async (sql, name) => {
  const before = runs()
  const ctx = contextFor()
  const plan = await source.plan(queryOf(sql, { parameters: integers(name, [3n, 7n, 1n]) }), ctx)
  expect(plan.estimate).toMatchObject({ bytes: 3 * 24, accuracy: 'estimated' })
  expect(plan.estimate?.billing?.parts).toHaveLength(3)
  const result = await source.run(plan, ctx)
  expect(await rowsOf(result)).toEqual([{ n: 3n }, { n: 1n }])
  expect(result.stats.rows).toBe(2)
  expect(runs() - before).toBe(3)
})

it('a query whose reader leaves runs no further rows', async () => {
  const before = runs()
  const parameters = integers('', [1n, 2n, 3n])
  const result = await runSql(source, 'SELECT n FROM shop.few WHERE n = ?', contextFor(), { parameters })
  const iterator = result.frames[Symbol.asyncIterator]()
  await iterator.next()
  await iterator.return?.()
  expect(runs() - before).toBe(1)
})

it('changes run for all rows of parameters and count what they affect', async () => {
  const parameters = integers('', [11n, 12n])
  const result = await runSql(source, 'INSERT INTO shop.few (n) VALUES (?)', contextFor(), { parameters })
  expect(result.stats.affectedRows).toBe(2)
  const rows = await rowsOf(await runSql(source, 'SELECT n FROM shop.few WHERE n > 10 ORDER BY n'))
  expect(rows).toEqual([{ n: 11n }, { n: 12n }])
})

it('no rows of parameters: nothing runs, and the schema is that of the result', async () => {
  const before = runs()
  const parameters = integers('', [])
  const result = await runSql(source, 'SELECT n FROM shop.few WHERE n = ?', contextFor(), { parameters })
  expect(await rowsOf(result)).toEqual([])
  expect(runs() - before).toBe(0)
})

it('jobs of a statement with a budget together bill at most what is reserved', async () => {
  const { charge, told } = chargeOf(25 << 20)
  const parameters = integers('', [1n, 2n, 3n])
  const ctx = contextFor({ charge })
  const result = await runSql(source, 'SELECT n FROM shop.few WHERE n = ?', ctx, { parameters })
  // Each job bills 10 MiB at least, so the third would exceed the 5 MiB that are left.
  await expect(rowsOf(result)).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
  await expect.poll(() => told.bills).toHaveLength(1)
  expect(told.bills[0]!.billedBytes).toBe(20 << 20)
  expect(told.submitted).toHaveLength(3)
})

it('a statement whose later rows the ledger does not take has the bill of its earlier ones', async () => {
  const { charge, told } = chargeOf(100 << 20)
  const onSubmitted: Charge['onSubmitted'] = async (job) => {
    if (told.submitted.length === 2) throw new GatewayError('STATE_UNAVAILABLE')
    await charge.onSubmitted(job)
  }
  const ctx = contextFor({ charge: { ...charge, onSubmitted } })
  const parameters = integers('', [1n, 2n, 3n])
  const result = await runSql(source, 'SELECT n AS unseen FROM shop.few WHERE n = ?', ctx, { parameters })
  await expect(rowsOf(result)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' })
  await expect.poll(() => told.bills).toMatchObject([{ billedBytes: 20 << 20 }])
})

it('a statement whose earlier rows have used all that is reserved: UPSTREAM_LIMIT', async () => {
  const { charge, told } = chargeOf(20 << 20)
  // Other values than before, whose results BigQuery would have in its cache.
  const parameters = integers('', [-1n, -2n, -3n])
  const ctx = contextFor({ charge })
  const result = await runSql(source, 'SELECT n FROM shop.few WHERE n = ?', ctx, { parameters })
  await expect(rowsOf(result)).rejects.toMatchObject({ code: 'UPSTREAM_LIMIT' })
  await expect.poll(() => told.bills).toHaveLength(1)
  expect(told.submitted).toHaveLength(2)
})

it('another number of parameters: BAD_REQUEST', async () => {
  const parameters = integers('', [1n])
  await expect(runSql(source, 'SELECT ? + ?', contextFor(), { parameters })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
})

it('named parameters are announced in the order of the text, in which clients bind them by position', async () => {
  const plan = await source.plan(queryOf('SELECT @zeta + n AS z FROM shop.few WHERE n > @alpha'), contextFor())
  const named = decodeSchema(plan.parameterSchema!).children.map(({ name }) => name)
  expect(named).toEqual(['zeta', 'alpha'])
})
