import { afterAll, beforeAll, expect, it } from 'vitest'
import type { BilledJob } from '../../../src/query/billing/source-cost.ts'
import type { BigQuerySource } from '../../../src/sources/bigquery/source.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { waitFor } from '../../wait-for.ts'
import { chargeOf, contextFor, openSource, rowsOf, runSql } from './open-source.ts'

let fake: BigQueryFake
let source: BigQuerySource

beforeAll(async () => {
  fake = await startBigQueryFake({
    tables: [
      {
        dataset: 'shop',
        name: 'sales',
        schema: [
          { name: 'day', type: 'DATE' },
          { name: 'amount', type: 'INT64' },
        ],
        rows: [{ f: [{ v: '2026-01-01' }, { v: '5' }] }],
        partitioning: { column: 'day', type: 'DAY', partitions: [{ id: '20260101', rows: 1 }] },
        clustering: ['amount'],
        requirePartitionFilter: true,
      },
    ],
  })
  source = openSource(fake, { defaultDataset: 'shop' }).source
})
afterAll(async () => {
  await source.close()
  await fake.close()
})

it.each([[['sales']], [['shop', 'sales']], [['test-project', 'shop', 'sales']], [['test-project.shop.sales']]])(
  'facts of a table come from metadata that is free: %j',
  async (name) => {
    expect(await source.cost.tableFacts(name, contextFor())).toMatchObject({
      columns: [
        { name: 'day', type: 'DATE' },
        { name: 'amount', type: 'INTEGER' },
      ],
      partitionColumn: 'day',
      partitionType: 'DATE',
      clusterColumns: ['amount'],
      requiresPartitionFilter: true,
      kind: 'TABLE',
    })
  },
)

it('a table that does not exist, or may not be seen, has no facts', async () => {
  expect(await source.cost.tableFacts(['shop', 'nothing'], contextFor())).toBeUndefined()
  expect(await source.cost.tableFacts(['nowhere', 't'], contextFor())).toBeUndefined()
})

it.each([true, false])(
  'jobs are listed with the reservation that they belong to; those of all users: %s',
  async (all) => {
    const since = Date.now() - 1000
    const { charge, told } = chargeOf(1 << 30)
    await rowsOf(await runSql(source, "SELECT amount FROM shop.sales WHERE day = '2026-01-01'", contextFor({ charge })))
    await waitFor(() => told.bills.length === 1, 'the bill')
    if (!all)
      fake.faults.add({ method: 'jobs.list', error: { status: 403, reason: 'accessDenied', message: 'no listAll' } })
    const jobs: BilledJob[] = []
    for await (const job of source.cost.jobsSince(since, contextFor())) jobs.push(job)
    const own = jobs.find(({ chargeId }) => chargeId === charge.id)!
    expect(own.bill).toMatchObject({ billedBytes: told.bills[0]!.billedBytes })
    expect(await source.cost.billOf(own, contextFor())).toMatchObject({ billedBytes: told.bills[0]!.billedBytes })
    expect(await source.cost.billOf({ ...own, jobId: 'nothing' }, contextFor())).toBeUndefined()
  },
)
