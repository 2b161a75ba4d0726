import { afterAll, expect, it } from 'vitest'
import { GatewayError } from '../../../src/query/errors.ts'
import type { PlannedSql } from '../../../src/query/types.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { RecordedSpan } from '../../fakes/recorded-span.ts'
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
        name: 'few',
        location: 'EU',
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

const jobsOf = (fake: BigQueryFake) =>
  fake.requests.filter(({ method }) => method === 'jobs.insert' || method === 'jobs.query')
type Body = { readonly configuration?: { readonly query?: object } }
const sent = (fake: BigQueryFake) => {
  const bodies = jobsOf(fake).map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body) as Body)
  return bodies.map((body) => ({ ...body.configuration?.query, ...body.configuration, ...body }))
}

it('every job and dry run is standard SQL with labels; jobs have a limit of billed bytes and the location of the dry run', async () => {
  const { fake, source } = await started({}, { labels: { team: 'a-b' }, shortQueries: false })
  await rowsOf(await runSql(source, 'SELECT n FROM shop.few'))
  const [dry, run] = sent(fake)
  expect(dry).toMatchObject({ dryRun: true, useLegacySql: false })
  expect(run).toMatchObject({
    useLegacySql: false,
    maximumBytesBilled: String(2 ** 40),
    labels: { team: 'a-b', gateway: 'flightgate', flightgate_principal: 'dana_example', flightgate_request: 'req-1' },
    jobReference: { projectId: 'test-project', location: 'EU' },
  })
})

it.each([true, false])('jobs have the label of the client (short queries: %s)', async (shortQueries) => {
  const { fake, source } = await started({}, { shortQueries })
  const query = { ...queryOf('SELECT n FROM shop.few'), session: { label: 'etl' } }
  const ctx = contextFor()
  const plan = (await source.plan(query, ctx)) as PlannedSql
  await rowsOf(await source.run(plan, ctx))
  for (const job of sent(fake)) expect(job).toMatchObject({ labels: { flightgate_label: 'etl' } })
})

it('jobs have the trace of the client as a label, if it told one in its form', async () => {
  const { fake, source } = await started({}, { shortQueries: false })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await rowsOf(await runSql(source, 'SELECT n FROM shop.few', contextFor({ metadata: { traceparent } })))
  expect(sent(fake)[1]).toMatchObject({ labels: { traceparent } })
  await rowsOf(await runSql(source, 'SELECT n, 1 FROM shop.few', contextFor({ metadata: { traceparent: 'no trace' } })))
  expect(sent(fake).at(-1)).not.toMatchObject({ labels: { traceparent: expect.anything() } })
})

it.each([
  [true, ['bigquery jobs.insert (dry run)', 'bigquery jobs.query']],
  [false, ['bigquery jobs.insert (dry run)', 'bigquery jobs.insert', 'bigquery jobs.getQueryResults']],
])('calls have spans, and jobs the trace of theirs (short queries: %s)', async (shortQueries, names) => {
  const { fake, source } = await started({}, { shortQueries })
  const span = new RecordedSpan()
  const ctx = contextFor({ span })
  await rowsOf(await runSql(source, 'SELECT n FROM shop.few', ctx))
  expect(span.children.map(({ name, kind, outcome }) => [name, kind, outcome])).toEqual(
    names.map((name) => [name, 'client', 'ok']),
  )
  for (const job of sent(fake)) expect(job).toMatchObject({ labels: { traceparent: span.traceParent } })
  await expect(runSql(source, 'SELECT n FROM shop.missing', ctx)).rejects.toThrow()
  expect(span.children.at(-1)).toMatchObject({ outcome: 'notFound' })
})

it.each([
  ['the reservation of the budget', 123_456_789, {}, '123456789'],
  ['the limit of the source', undefined, { limits: { maxBytesPerQuery: 50_000_000 } }, '50000000'],
])('the limit of billed bytes is %s', async (_, reserved, settings, expected) => {
  const { fake, source } = await started({}, settings)
  const ctx = contextFor(reserved === undefined ? {} : { charge: chargeOf(reserved).charge })
  await rowsOf(await runSql(source, 'SELECT n FROM shop.few', ctx))
  expect(sent(fake).at(-1)).toMatchObject({ maximumBytesBilled: expected })
})

it('BigQuery refuses to bill more than the limit, and the charge is settled with 0 bytes', async () => {
  const { source } = await started()
  const { charge, told } = chargeOf(1 << 20)
  await expect(runSql(source, 'SELECT n FROM shop.few', contextFor({ charge }))).rejects.toMatchObject({
    engineError: 'bytesBilledLimitExceeded',
    grpc: 'RESOURCE_EXHAUSTED',
    retryable: false,
  })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(told.bills[0]).toMatchObject({ billedBytes: 0 })
})

it('a client that leaves cancels the job, and the charge hears what was billed', async () => {
  const { fake, source, observed } = await started()
  fake.answer('SELECT 1 AS slow', { schema: [{ name: 'slow', type: 'INT64' }], durationMs: 60_000, processedBytes: 5 })
  const { charge, told } = chargeOf(20 << 20)
  const client = new AbortController()
  const running = runSql(source, 'SELECT 1 AS slow', contextFor({ charge, signal: client.signal }))
  running.catch(() => {})
  await waitFor(() => fake.jobs.all.some(({ state }) => state === 'RUNNING'), 'the job runs')
  client.abort(new GatewayError('CANCELLED'))
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(fake.jobs.all.at(-1)).toMatchObject({ state: 'DONE' })
  expect(fake.requests.filter(({ method }) => method === 'jobs.cancel')).toHaveLength(1)
  expect(told.bills[0]).toMatchObject({ billedBytes: 0 })
  expect(observed.outcomes).toEqual(['cancelled'])
})

it('a client that leaves while the job is being sent cancels it nevertheless', async () => {
  const { fake, source } = await started({}, { shortQueries: false })
  fake.answer('SELECT 1 AS slow', { schema: [{ name: 'slow', type: 'INT64' }], durationMs: 60_000 })
  const { charge, told } = chargeOf(20 << 20)
  const client = new AbortController()
  const ctx = contextFor({ charge, signal: client.signal })
  const plan = await source.plan(queryOf('SELECT 1 AS slow'), ctx)
  fake.faults.add({ method: 'jobs.insert', delayMs: 300 })
  const running = source.run(plan, ctx)
  running.catch(() => {})
  await waitFor(() => jobsOf(fake).length === 2, 'the job is sent')
  client.abort(new GatewayError('CANCELLED'))
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(fake.jobs.all.every(({ state }) => state === 'DONE')).toBe(true)
})

it('DML tells the affected rows, and a definition 0', async () => {
  const { source } = await started()
  const updated = await runSql(source, 'UPDATE shop.few SET n = n + 1 WHERE n > 1')
  expect(updated.stats.affectedRows).toBe(1)
  expect(await rowsOf(updated)).toEqual([])
  const created = await runSql(source, 'CREATE TABLE shop.made AS SELECT n FROM shop.few')
  expect(created.stats.affectedRows).toBe(0)
  expect(await rowsOf(await runSql(source, 'SELECT n FROM shop.made ORDER BY n'))).toEqual([{ n: 1n }, { n: 3n }])
})

it('statements that change something are refused by their kind where the source is read-only', async () => {
  const { fake, source } = await started({}, { writes: false })
  for (const sql of ['DELETE FROM shop.few WHERE true', 'CREATE TABLE shop.made AS SELECT 1 AS a']) {
    const plan = await source.plan(queryOf(sql), contextFor())
    expect(plan.kind).toBe('update')
    await expect(source.run(plan, contextFor())).rejects.toMatchObject({ code: 'READ_ONLY' })
  }
  expect(jobsOf(fake)).toHaveLength(2)
})

it('a script returns the rows of its last SELECT', async () => {
  const { source } = await started()
  const script = 'SELECT 1 AS a; SELECT n FROM shop.few ORDER BY n'
  const plan = await source.plan(queryOf(script), contextFor())
  expect(plan).toMatchObject({ kind: 'read', estimate: { statementType: 'SCRIPT' } })
  expect(await rowsOf(await source.run(plan, contextFor()))).toEqual([{ n: 1n }, { n: 2n }])
})

it('a script that writes is an update that may return rows', async () => {
  const { source } = await started()
  const script = 'DELETE FROM shop.few WHERE n = 1; SELECT n FROM shop.few'
  const plan = await source.plan(queryOf(script), contextFor())
  expect(plan).toMatchObject({ kind: 'update', mayReturnRows: true })
  expect(await rowsOf(await source.run(plan, contextFor()))).toEqual([{ n: 2n }])
})

it.each([
  ['jobs.insert', { error: { status: 503, reason: 'backendError', message: 'later' } }],
  ['jobs.insert', { reset: true }],
  ['jobs.insert', { reset: true, late: true }],
  ['jobs.getQueryResults', { error: { status: 403, reason: 'rateLimitExceeded', message: 'too many' } }],
  ['jobs.getQueryResults', { reset: true }],
  ['jobs.get', { error: { status: 500, reason: 'internalError', message: 'x' } }],
])('a failure of %s in passing is repeated: %j', async (method, fault) => {
  const { fake, source } = await started({}, { shortQueries: false })
  const plan = await source.plan(queryOf('SELECT n FROM shop.few'), contextFor())
  const jobs = fake.jobs.all.length
  fake.faults.add({ method, ...fault })
  expect(await rowsOf(await source.run(plan, contextFor()))).toHaveLength(2)
  expect(fake.jobs.all.length - jobs).toBe(1)
})

it('a job that failed at its own rate limit is not run again', async () => {
  const { fake, source } = await started()
  const error = { status: 403, reason: 'rateLimitExceeded', message: 'Exceeded rate limits: too many table updates' }
  fake.answer('SELECT 1 AS a', { schema: [{ name: 'a', type: 'INT64' }], error })
  await expect(runSql(source, 'SELECT 1 AS a')).rejects.toMatchObject({ code: 'UPSTREAM_EXHAUSTED' })
  expect(fake.jobs.all).toHaveLength(1)
})

it('invalid SQL is told at the plan, with its position', async () => {
  const { source } = await started()
  await expect(source.plan(queryOf('SELECT FROM WHERE'), contextFor())).rejects.toMatchObject({ code: 'BAD_SQL' })
})

it.each([
  ['SELECT 1 FROM nowhere.t', 'UPSTREAM_FORBIDDEN', 'No permission, or it does not exist'],
  ['SELECT 1 FROM shop.nothing', 'UNKNOWN_OBJECT', 'It does not exist, or there is no permission to see it'],
])('a missing dataset or table says both that can be wrong: %s', async (sql, code, words) => {
  const { source } = await started()
  await expect(source.plan(queryOf(sql), contextFor())).rejects.toMatchObject({
    code,
    message: expect.stringContaining(words),
  })
})
