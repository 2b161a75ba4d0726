import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { abandon, jsonOf, postJson } from './http-client.ts'
import { BYTES, forTen, PricedShop, spentOf, times, USD } from './priced-shop.ts'

let shop: PricedShop
beforeEach(async () => {
  shop = await PricedShop.start()
})
afterEach(() => shop.fake.close())

describe('a gateway with state.directory', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flightgate-state-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('a restart keeps what was spent; GetFlightInfo refuses at once, with details, or tells it in the estimate', async () => {
    const config = shop.configOf({ state: { directory } }, { monthlyBudgetUsd: 1.5 * USD })
    const before = await GatewayProcess.start(config)
    expect((await shop.query(before)).status).toBe(200)
    await before.stop()
    const gateway = await GatewayProcess.start(config)
    const stub = new FlightStub(gateway.flight)
    const refused = await stub.call('GetFlightInfo', [commandOf('SELECT n, 7 AS i FROM shop.t')])
    expect(refused.code).toBe(8)
    expect(refused.details).toContain('of the monthly budget of')
    const details = refused.trailers!.get('grpc-status-details-bin')[0] as Buffer
    for (const part of ['google.rpc.QuotaFailure', 'source/wh', 'left_usd', 'BUDGET_EXCEEDED'])
      expect(details.includes(part)).toBe(true)
    const { appMetadata } = await stub.info('SELECT n, 7 AS i FROM shop.t', { 'x-flightgate-estimate': 'true' })
    const { estimate } = JSON.parse(Buffer.from(appMetadata).toString())
    expect(estimate.refusal).toContain('of the monthly budget of')
    expect(shop.fake.billedBytes).toBe(BYTES)
    stub.close()
    await gateway.stop()
  })

  it('two processes that share the file: exactly 10 of 40 run', async () => {
    const config = shop.configOf({ state: { directory } })
    const gateways = await Promise.all([GatewayProcess.start(config), GatewayProcess.start(config)])
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => shop.query(gateways[i % 2]!)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    await expect.poll(() => spentOf(gateways[0]!)).toEqual(times(10))
    expect(shop.fake.billedBytes).toBe(10 * BYTES)
    await Promise.all(gateways.map((gateway) => gateway.stop()))
  })

  it('bills of failed, cancelled and grown statements, and a batch that is too dear', async () => {
    const gateway = await GatewayProcess.start(
      shop.configOf({ state: { directory } }, { ...forTen, maxBytesPerQuery: BYTES }),
    )
    shop.fake.answer('SELECT failed', {
      processedBytes: BYTES,
      error: { status: 400, reason: 'invalidQuery', message: 'no' },
    })
    shop.fake.answer('SELECT grown', { estimatedBytes: BYTES, processedBytes: 2 * BYTES })
    shop.fake.answer('SELECT less', {
      estimatedBytes: BYTES,
      processedBytes: BYTES / 2,
      schema: [{ name: 'n', type: 'INT64' }],
      rows: [],
    })
    const run = async (sql: string) => await postJson(gateway, '/api/v1/query', { query: sql })
    expect((await run('SELECT failed')).status).toBe(400)
    const grown = await jsonOf(run('SELECT grown'))
    expect(grown.detail).toMatch(/[Pp]lan/)
    await expect.poll(() => spentOf(gateway, 'reserved')).toBe(0)
    expect(await spentOf(gateway)).toBe(0)
    expect((await run('SELECT less')).status).toBe(200)
    await expect.poll(() => spentOf(gateway)).toEqual(times(0.5))
    const logged = await gateway.line(
      ({ event, step, outcome }) => event === 'statement' && step === 'run' && outcome === 'OK',
    )
    expect(logged).toMatchObject({ billedBytes: BYTES / 2, costUsd: times(0.5) })
    const before = shop.fake.jobs.all.length
    const hasBegun = async () => await expect.poll(() => shop.fake.jobs.all.length).toBe(before + 1)
    shop.fake.jobs.hold()
    await abandon(gateway, '/api/v1/query', { query: 'SELECT n FROM shop.t' }, hasBegun)
    await expect.poll(() => spentOf(gateway, 'reserved')).toBe(0)
    expect(await spentOf(gateway)).toEqual(times(1.5))
    expect(shop.fake.billedBytes).toBe(1.5 * BYTES)
    const statements = Array.from({ length: 11 }, (_, i) => ({
      id: `s${i}`,
      query: `SELECT n, ${-i} AS i FROM shop.t`,
    }))
    const batch = await jsonOf(postJson(gateway, '/api/v1/batch', { queries: statements }))
    expect(JSON.stringify(batch)).toContain('These statements would')
    await gateway.stop()
  })

  it('an admin compares the ledger with the jobs of the source', async () => {
    const auth = { apiKeys: [{ name: 'boss', key: 'secret', roles: ['admin'] }] }
    const gateway = await GatewayProcess.start(shop.configOf({ state: { directory }, auth }))
    const headers = { 'x-api-key': 'secret' }
    expect((await postJson(gateway, '/api/v1/query', { query: 'SELECT n FROM shop.t' }, headers)).status).toBe(200)
    await expect.poll(() => spentOf(gateway)).toEqual(times(1))
    const other = { configuration: { query: { query: 'SELECT n, 5 AS i FROM shop.t', useLegacySql: false } } }
    await fetch(`${shop.fake.endpoint}/bigquery/v2/projects/test-project/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(other),
    })
    const reconcile = () => jsonOf(postJson(gateway, '/api/v1/costs/reconcile', { data_source: 'wh' }, headers))
    await expect.poll(async () => (await reconcile()).others.jobs).toBe(1)
    const answer = await reconcile()
    expect(answer).toMatchObject({ data_source: 'wh', jobs: 1, settled: 0, corrected: 0, unknown: 0, differences: [] })
    expect(answer.others).toEqual({ jobs: 1, billed_bytes: BYTES, cost_usd: times(1) })
    await gateway.stop()
  })

  it('a count of all rows and a script run within a budget, and what BigQuery hides counts as unknown', async () => {
    const gateway = await GatewayProcess.start(shop.configOf({ state: { directory } }))
    const run = async (query: string) => await jsonOf(postJson(gateway, '/api/v1/query', { query }))
    expect((await run('SELECT COUNT(*) AS n FROM shop.t')).rows).toEqual([{ n: 1 }])
    expect((await run('SELECT n FROM shop.t; SELECT n, 2 AS i FROM shop.t')).row_count).toBe(1)
    await expect.poll(() => spentOf(gateway)).toEqual(times(2))
    shop.fake.answer('SELECT hidden FROM shop.t', { estimatedBytes: 0, processedBytes: BYTES })
    expect(await run('SELECT hidden FROM shop.t')).toMatchObject({ code: 'BUDGET_EXCEEDED' })
    await expect.poll(() => spentOf(gateway, 'reserved')).toBe(0)
    await gateway.stop()
    const capped = await GatewayProcess.start(shop.configOf({}, { ...forTen, maxBytesPerQuery: BYTES }))
    await jsonOf(postJson(capped, '/api/v1/query', { query: 'SELECT hidden FROM shop.t' }))
    await expect.poll(() => spentOf(capped)).toEqual(times(1))
    await capped.stop()
  })
})
