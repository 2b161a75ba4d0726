import { afterAll, expect, it } from 'vitest'
import { GatewayError } from '../../../src/query/errors.ts'
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
    smallTableBytes: 0,
    tables: [
      {
        dataset: 'shop',
        name: 'orders',
        schema: [
          { name: 'id', type: 'INT64' },
          { name: 'item', type: 'STRING' },
        ],
        rows: (i) => ({ f: [{ v: String(i) }, { v: i % 3 === 0 ? null : `item ${i}` }] }),
        numRows: 25_000,
      },
    ],
    ...options,
  })
  const { source, observed } = openSource(fake, settings)
  fakes.push(fake)
  opened.push(source)
  return { fake, source, observed }
}

const methods = (fake: BigQueryFake) => fake.requests.map(({ method }) => method)
const ids = (count: number) => Array.from({ length: count }, (_, id) => BigInt(id))

it.each([
  ['as JSON', {}, {}],
  ['as Arrow', { arrow: true }, {}],
  ['as JSON where the settings do not ask for Arrow', { arrow: true }, { arrowResults: false }],
])('a small read is one call that brings its rows %s', async (_, options, settings) => {
  const { fake, source, observed } = await started(options, settings)
  const plan = await source.plan(queryOf('SELECT id, item FROM shop.orders WHERE id < 4 ORDER BY id'), contextFor())
  const { charge, told } = chargeOf(1 << 30)
  const rows = await rowsOf(await source.run(plan, contextFor({ charge })))
  expect(rows).toEqual([0, 1, 2, 3].map((id) => ({ id: BigInt(id), item: id % 3 === 0 ? null : `item ${id}` })))
  expect(methods(fake).slice(0, 2)).toEqual(['jobs.insert', 'jobs.query'])
  expect(methods(fake)).not.toContain('jobs.getQueryResults')
  expect(fake.requests[1]!.body).toMatchObject({
    requestId: charge.id,
    jobCreationMode: 'JOB_CREATION_REQUIRED',
    useLegacySql: false,
    maximumBytesBilled: String(1 << 30),
    location: 'US',
    labels: { flightgate_charge: charge.id },
  })
  expect(observed.paths).toEqual(['inline'])
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(told.bills[0]).toMatchObject({ billedBytes: 10 << 20 })
})

it.each([
  ['SELECT id, item FROM shop.orders', { arrow: true }, 'CreateReadSession', 'storage'],
  ['SELECT id, item FROM shop.orders ORDER BY id', { arrow: true }, 'ReadRows', 'storage'],
  ['SELECT id, item FROM shop.orders ORDER BY id', {}, 'CreateReadSession', 'storage'],
  ['SELECT id, item FROM shop.orders', { arrow: true, denyStorage: true }, 'jobs.getQueryResults', 'fallback'],
  ['SELECT id, item FROM shop.orders', { denyStorage: true }, 'jobs.getQueryResults', 'fallback'],
])('no row is lost or doubled where more follow the first ones: %s %j', async (sql, options, method, path) => {
  const { fake, source, observed } = await started({ pageRows: 6000, ...options })
  const rows = await rowsOf(await runSql(source, sql))
  const found = rows.map(({ id }) => id as bigint)
  if (!sql.includes('ORDER')) found.sort((a, b) => Number(a - b))
  expect(found).toEqual(ids(25_000))
  expect(methods(fake)).toContain(method)
  expect(observed.paths).toEqual([path])
})

it('a small read that takes long is waited for, and cancelled when its client leaves', async () => {
  const { fake, source } = await started()
  fake.answer('SELECT 1 AS a', {
    schema: [{ name: 'a', type: 'INT64' }],
    rows: [{ f: [{ v: '1' }] }],
    durationMs: 1500,
    estimatedBytes: 5,
  })
  expect(await rowsOf(await runSql(source, 'SELECT 1 AS a'))).toEqual([{ a: 1n }])
  expect(methods(fake)).toContain('jobs.query')
  fake.answer('SELECT 2 AS a', { schema: [{ name: 'a', type: 'INT64' }], durationMs: 60_000, estimatedBytes: 5 })
  // The client leaves while the gateway waits in this call.
  for (const call of ['jobs.query', 'jobs.getQueryResults']) {
    const calls = () => methods(fake).filter((method) => method === call).length
    const before = calls()
    const { charge, told } = chargeOf(1 << 30)
    const client = new AbortController()
    const running = runSql(source, 'SELECT 2 AS a', contextFor({ charge, signal: client.signal }))
    running.catch(() => {})
    await waitFor(() => calls() > before, call)
    client.abort(new GatewayError('CANCELLED'))
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    await waitFor(() => told.bills.length === 1, 'the bill')
  }
  expect(methods(fake).filter((method) => method === 'jobs.cancel')).toHaveLength(2)
  expect(fake.jobs.all.every(({ state }) => state === 'DONE')).toBe(true)
})

it('a call whose answer is lost is repeated by its request id, and the statement runs once', async () => {
  const { fake, source } = await started()
  const plan = await source.plan(queryOf('SELECT id FROM shop.orders WHERE id < 2'), contextFor())
  const jobs = fake.jobs.all.length
  fake.faults.add({ method: 'jobs.query', reset: true, late: true })
  expect(await rowsOf(await source.run(plan, contextFor()))).toHaveLength(2)
  expect(fake.jobs.all.length - jobs).toBe(1)
})

it('a statement that fails bills nothing, and is not repeated for a reason of its own', async () => {
  const { fake, source } = await started()
  const error = { status: 403, reason: 'rateLimitExceeded', message: 'too many table updates' }
  fake.answer('SELECT 1 AS a', { schema: [{ name: 'a', type: 'INT64' }], estimatedBytes: 5, error })
  const { charge, told } = chargeOf(1 << 30)
  await expect(runSql(source, 'SELECT 1 AS a', contextFor({ charge }))).rejects.toMatchObject({
    code: 'UPSTREAM_EXHAUSTED',
  })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(told.bills[0]).toMatchObject({ billedBytes: 0 })
  expect(methods(fake).filter((method) => method === 'jobs.query')).toHaveLength(1)
})

it('a call without an answer leaves its bill unknown, so that its reservation counts', async () => {
  const { fake, source, observed } = await started()
  const plan = await source.plan(queryOf('SELECT id FROM shop.orders WHERE id < 2'), contextFor())
  fake.faults.add({ method: 'jobs.query', reset: true, late: true, times: 4 })
  const { charge, told } = chargeOf(1 << 30)
  await expect(source.run(plan, contextFor({ charge }))).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  await source.close()
  expect([told.submitted, told.bills]).toEqual([[charge.id], []])
  expect(observed.outcomes).toEqual(['failed'])
})
