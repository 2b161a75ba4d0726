import { afterAll, expect, it } from 'vitest'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { waitFor } from '../../wait-for.ts'
import { chargeOf, contextFor, openSource, queryOf, rowsOf, runSql } from './open-source.ts'

const fakes: BigQueryFake[] = []
const opened: { close(): Promise<void> }[] = []
afterAll(async () => {
  await Promise.all(opened.map((source) => source.close()))
  await Promise.all(fakes.map((fake) => fake.close()))
})

async function started(options: Parameters<typeof startBigQueryFake>[0] = {}, settings: object = {}) {
  const fake = await startBigQueryFake({
    tables: [
      {
        dataset: 'shop',
        name: 'orders',
        schema: [
          { name: 'id', type: 'INT64' },
          { name: 'item', type: 'STRING' },
        ],
        rows: (i) => ({ f: [{ v: String(i) }, { v: `item ${i}` }] }),
        numRows: 30_000,
      },
      {
        dataset: 'shop',
        name: 'few',
        schema: [{ name: 'n', type: 'INT64' }],
        rows: [{ f: [{ v: '1' }] }, { f: [{ v: '2' }] }],
      },
    ],
    ...options,
  })
  const { source, observed } = openSource(fake, settings)
  fakes.push(fake)
  opened.push(source)
  return { fake, source, observed }
}

it('a query is planned by one dry run, runs as one job, and its rows come inline', async () => {
  const { fake, source, observed } = await started()
  const ctx = contextFor()
  const plan = await source.plan(queryOf('SELECT n FROM shop.few ORDER BY n'), ctx)
  expect(plan).toMatchObject({ kind: 'read', hasNoParameters: true })
  expect(plan.estimate).toMatchObject({ bytes: 16, statementType: 'SELECT', billing: { location: 'US' } })
  expect(await rowsOf(await source.run(plan, ctx))).toEqual([{ n: 1n }, { n: 2n }])
  expect(observed).toMatchObject({ dryRuns: 1, paths: ['inline'], outcomes: ['done'] })
  expect(fake.jobs.all.filter((job) => !(job.configuration as { dryRun?: boolean }).dryRun)).toHaveLength(1)
})

it('a larger result comes by the Storage Read API', async () => {
  const { source, observed } = await started({ pageRows: 1000 })
  const rows = await rowsOf(await runSql(source, 'SELECT id, item FROM shop.orders'))
  expect(rows).toHaveLength(30_000)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(30_000)
  expect(observed.paths).toEqual(['storage'])
})

it('a larger result comes by REST pages if the Storage Read API is refused, which is remembered', async () => {
  const { fake, source, observed } = await started({ pageRows: 7000, denyStorage: true })
  for (let i = 0; i < 2; i++) {
    const rows = await rowsOf(await runSql(source, 'SELECT id, item FROM shop.orders'))
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 30_000 }, (_, id) => BigInt(id)))
  }
  expect(observed.paths).toEqual(['fallback', 'fallback'])
  expect(fake.requests.filter(({ method }) => method === 'CreateReadSession')).toHaveLength(1)
})

it('the charge hears of the job before it is sent, and of its bill', async () => {
  const { fake, source } = await started()
  const { charge, told } = chargeOf(20 << 20)
  await rowsOf(await runSql(source, 'SELECT n FROM shop.few', contextFor({ charge })))
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(told.submitted).toEqual([charge.id])
  expect(told.bills[0]).toMatchObject({ billedBytes: 10 << 20, processedBytes: 16, cacheHit: false })
  expect(fake.billedBytes).toBe(10 << 20)
})
