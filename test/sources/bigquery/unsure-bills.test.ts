import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { GatewayError } from '../../../src/query/errors.ts'
import { billOf } from '../../../src/sources/bigquery/jobs/bill-of.ts'
import { type BigQueryFake, startBigQueryFake } from '../../fakes/bigquery/fake.ts'
import { waitFor } from '../../wait-for.ts'
import { chargeOf, contextFor, openSource, queryOf } from './open-source.ts'

const fakes: BigQueryFake[] = []
const servers: Server[] = []
const opened: { close(): Promise<void> }[] = []
afterAll(async () => {
  await Promise.all(opened.map((source) => source.close()))
  for (const server of servers) server.close().closeAllConnections()
  await Promise.all(fakes.map((fake) => fake.close()))
})

async function started() {
  const schema = [{ name: 'n', type: 'INT64' }]
  const fake = await startBigQueryFake({
    tables: [{ dataset: 'shop', name: 'few', location: 'EU', schema, rows: [{ f: [{ v: '1' }] }] }],
  })
  fakes.push(fake)
  return fake
}

function opening(fake: Pick<BigQueryFake, 'endpoint' | 'storageEndpoint'>, settings: object = {}) {
  const { source } = openSource(fake, { shortQueries: false, ...settings })
  opened.push(source)
  return source
}

/** A network in front of a stand-in that delivers each request for a job late, also if its sender is gone by then. */
async function slowNetwork({ endpoint }: BigQueryFake, delayMs: () => number): Promise<string> {
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (request.method === 'POST' && /\/jobs(\?|$)/.test(request.url!)) await delay(delayMs())
    const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(endpoint + request.url!, { method: request.method!, headers, ...body })
    response.writeHead(answer.status, headers).end(await answer.text())
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it('a job that reaches BigQuery seconds after its client has left is cancelled, and its bill is not taken for 0 before', async () => {
  const fake = await started()
  fake.answer('SELECT 1 AS slow', { schema: [{ name: 'slow', type: 'INT64' }], durationMs: 60_000, processedBytes: 5 })
  let delayMs = 0
  const source = opening({ endpoint: await slowNetwork(fake, () => delayMs), storageEndpoint: fake.storageEndpoint })
  const { charge, told } = chargeOf(20 << 20)
  const client = new AbortController()
  const ctx = contextFor({ charge, signal: client.signal })
  const plan = await source.plan(queryOf('SELECT 1 AS slow'), ctx)
  delayMs = 3000
  const running = source.run(plan, ctx)
  running.catch(() => {})
  await waitFor(() => told.submitted.length === 1, 'the job is sent')
  client.abort(new GatewayError('CANCELLED'))
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  await waitFor(() => fake.jobs.all.length === 1 && fake.jobs.all[0]!.state === 'DONE', 'the job is cancelled')
  await waitFor(() => told.bills.length === 1, 'the bill')
})

it('a job whose answer was lost has its bill, though BigQuery refuses the repeated calls', async () => {
  const fake = await started()
  const source = opening(fake)
  const { charge, told } = chargeOf(20 << 20)
  const ctx = contextFor({ charge })
  const plan = await source.plan(queryOf('SELECT n FROM shop.few'), ctx)
  fake.faults.add({ method: 'jobs.insert', reset: true, late: true })
  const error = { status: 429, reason: 'rateLimitExceeded', message: 'later' }
  fake.faults.add({ method: 'jobs.insert', error, times: 3 })
  await expect(source.run(plan, ctx)).rejects.toMatchObject({ code: 'UPSTREAM_EXHAUSTED' })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(told.bills[0]).toMatchObject({ billedBytes: 10 << 20 })
})

it('a call whose answer was lost leaves its bill unknown, though BigQuery refuses the repeated calls', async () => {
  const fake = await started()
  const source = opening(fake, { shortQueries: true })
  const { charge, told } = chargeOf(20 << 20)
  const ctx = contextFor({ charge })
  const plan = await source.plan(queryOf('SELECT n FROM shop.few'), ctx)
  fake.faults.add({ method: 'jobs.query', reset: true, late: true })
  fake.faults.add({ method: 'jobs.query', error: { status: 403, reason: 'accessDenied', message: 'no' } })
  await expect(source.run(plan, ctx)).rejects.toMatchObject({ code: 'UPSTREAM_FORBIDDEN' })
  await source.close()
  expect(told.bills).toEqual([])
})

it('a job whose end the gateway is not allowed to see is cancelled', async () => {
  const fake = await started()
  fake.answer('SELECT 1 AS slow', { schema: [{ name: 'slow', type: 'INT64' }], durationMs: 60_000 })
  const source = opening(fake)
  const { charge, told } = chargeOf(20 << 20)
  const ctx = contextFor({ charge })
  const plan = await source.plan(queryOf('SELECT 1 AS slow'), ctx)
  const error = { status: 403, reason: 'accessDenied', message: 'no' }
  fake.faults.add({ method: 'jobs.getQueryResults', error, times: 100 })
  await expect(source.run(plan, ctx)).rejects.toMatchObject({ code: 'UPSTREAM_FORBIDDEN' })
  await waitFor(() => told.bills.length === 1, 'the bill')
  expect(fake.jobs.all[0]).toMatchObject({ state: 'DONE' })
})

const done = (query: object) => ({ status: { state: 'DONE' }, statistics: { query } })

it.each(['-1', 'NaN', '1.5', '1e999', '', -1, {}])('a bill of %j bytes is none', (totalBytesBilled) => {
  expect(billOf(done({ totalBytesBilled }) as Parameters<typeof billOf>[0])).toBeUndefined()
})

it('a bill takes no figure that is no number', () => {
  const query = { totalBytesBilled: '10', totalBytesProcessed: '-5', totalSlotMs: 'x' }
  expect(billOf(done(query))).toEqual({ billedBytes: 10 })
})

it.each(['-5', 'NaN', '1.5', '1e999'])('an estimate of %s bytes is unknown', async (totalBytesProcessed) => {
  const fake = await started()
  const source = opening(fake)
  const query = { statementType: 'SELECT', totalBytesProcessed, totalBytesProcessedAccuracy: 'PRECISE' }
  fake.faults.add({ method: 'jobs.insert', text: { status: 200, body: JSON.stringify({ statistics: { query } }) } })
  const plan = await source.plan(queryOf('SELECT n FROM shop.few'), contextFor())
  expect(plan.estimate?.accuracy).toBe('unknown')
  expect(plan.estimate?.billing?.parts).toEqual([{}])
})
