import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clearOfMidnight } from '../clear-of-midnight.ts'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'

const cwd = fileURLToPath(new URL('../..', import.meta.url))
const BYTES = 1000 * 2 ** 20
const USD = (BYTES / 2 ** 40) * 6.25

describe('what statements have cost', () => {
  let fake: BigQueryFake
  let gateway: GatewayProcess
  beforeAll(async () => {
    await clearOfMidnight('day')
    // Of what principals have used.
    await clearOfMidnight('day', 'UTC')
    const [n] = [{ name: 'n', type: 'INT64' } as const]
    const table = { dataset: 'shop', name: 't', schema: [n], rows: [{ f: [{ v: '1' }] }], columnBytes: { n: BYTES } }
    fake = await startBigQueryFake({ tables: [table] })
    const { endpoint, storageEndpoint } = fake
    gateway = await GatewayProcess.start({
      auth: {
        apiKeys: [
          { name: 'ann', key: 'ann-key', groups: ['team'] },
          { name: 'root', key: 'root-key', roles: ['admin'] },
        ],
      },
      groups: { team: { budgets: { monthlyBudgetUsd: 1 } } },
      sources: {
        wh: { kind: 'bigquery', projectId: 'test-project', location: 'US', endpoint, storageEndpoint, anonymous: true },
      },
    })
    for (const [key, count] of [
      ['ann-key', 2],
      ['root-key', 1],
    ] as const)
      for (let i = 0; i < count; i++) {
        const body = { query: `SELECT n, '${key} ${i}' AS x FROM shop.t` }
        const answer = await call(key, '/api/v1/query', body, i === 1 ? { 'x-flightgate-label': 'Report' } : {})
        expect(answer.status).toBe(200)
        // A statement has ended when its rows have been read.
        await answer.text()
      }
  })
  afterAll(async () => {
    await gateway.stop()
    await fake.close()
  })

  const call = (key: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`http://${gateway.http}${path}`, {
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
  // biome-ignore lint/suspicious/noExplicitAny: an answer as JSON
  const costs = async (key: string, query = ''): Promise<any> => await (await call(key, `/api/v1/costs${query}`)).json()

  it('the role admin sees all of it, by day, source, principal, group and label', async () => {
    await expect.poll(async () => (await costs('root-key')).cost_usd).toBeCloseTo(3 * USD, 6)
    const all = await costs('root-key')
    expect(all).toMatchObject({ statements: 3, billed_bytes: 3 * BYTES, principal: null })
    expect(all.days).toHaveLength(1)
    expect(all.data_sources).toMatchObject([{ name: 'wh', statements: 3 }])
    expect(all.principals).toMatchObject([
      { name: 'ann', statements: 2 },
      { name: 'root', statements: 1 },
    ])
    expect(all.groups).toMatchObject([{ name: 'team', statements: 2 }])
    expect(all.labels).toMatchObject([
      { name: '', statements: 2 },
      { name: 'report', statements: 1 },
    ])
    expect(await costs('root-key', '?label=report')).toMatchObject({ statements: 1, label: 'report' })
    expect(all.top_statements).toHaveLength(3)
    expect(all.forecast_usd).toBeGreaterThanOrEqual(3 * USD - 1e-6)
    expect(all.budgets).toMatchObject([{ account: 'group', name: 'team', period: 'month', limit_usd: 1 }])
    expect(all.budgets[0].spent_usd).toBeCloseTo(2 * USD, 6)
    expect(await costs('root-key', '?principal=root')).toMatchObject({ statements: 1, principal: 'root' })
    expect(await costs('root-key', '?month=2020-01')).toMatchObject({ statements: 0, forecast_usd: null, budgets: [] })
  })

  it('recent statements have their bills', async () => {
    const answer = await call('root-key', '/api/v1/queries/recent?data_source=wh')
    const { queries } = (await answer.json()) as { queries: { billed_bytes: number; cost_usd: number }[] }
    expect(queries).toHaveLength(3)
    for (const each of queries)
      expect(each).toMatchObject({ billed_bytes: BYTES, cost_usd: expect.closeTo(USD, 6), outcome: 'OK' })
  })

  it('what a principal has used today has its costs at sources that bill', async () => {
    const used = async (key: string) => await (await call(key, '/api/v1/usage')).json()
    const { sources } = (await used('ann-key')) as { sources: { data_source: string; cost_usd: number | null }[] }
    expect(sources).toMatchObject([{ data_source: 'wh', statements: 2 }])
    expect(sources[0]!.cost_usd).toBeCloseTo(2 * USD, 6)
  })

  it('metrics tell the costs of principals, and the forecast of each account with a budget', async () => {
    // Without the forecasts while the ledger computes them.
    const text = await waitFor(async () => {
      const metrics = await (await fetch(`http://${gateway.http}/metrics`)).text()
      return metrics.includes('flightgate_cost_forecast_usd{account="gateway"}') ? metrics : undefined
    }, 'metrics with forecasts')
    const metricOf = (metric: string) => Number(text.match(new RegExp(`^${metric} (.*)$`, 'm'))?.[1])
    expect(metricOf('flightgate_principal_cost_usd_total{principal="ann"}')).toBeCloseTo(2 * USD, 6)
    expect(metricOf('flightgate_statement_cost_usd_count{source="wh"}')).toBe(3)
    expect(metricOf('flightgate_statement_cost_usd_bucket{le="0.001",source="wh"}')).toBe(0)
    expect(metricOf('flightgate_statement_cost_usd_sum{source="wh"}')).toBeCloseTo(3 * USD, 6)
    const [spent, limit] = ['spent', 'limit'].map((figure) =>
      metricOf(`flightgate_budget_${figure}_usd{account="group/team",period="month"}`),
    )
    expect(metricOf('flightgate_budget_used_ratio{account="group/team",period="month"}')).toBeCloseTo(
      spent! / limit!,
      9,
    )
    expect(metricOf('flightgate_cost_forecast_usd{account="group/team"}')).toBeGreaterThanOrEqual(2 * USD - 1e-6)
    expect(metricOf('flightgate_cost_forecast_usd{account="gateway"}')).toBeGreaterThanOrEqual(3 * USD - 1e-6)
  })

  it('others see their own', async () => {
    expect(await costs('ann-key')).toMatchObject({ statements: 2, principal: 'ann', principals: [{ name: 'ann' }] })
    expect((await call('ann-key', '/api/v1/costs?principal=root')).status).toBe(403)
    expect((await call('ann-key', '/api/v1/costs?month=today')).status).toBe(400)
  })

  it('flightgate usage prints tables, and with --json what the HTTP API answers', async () => {
    const usage = (...args: string[]) =>
      runFlightgate(['usage', '--timeout', '60', '-e', gateway.uri, ...args], {
        cwd,
        input: '',
        env: { FLIGHTGATE_API_KEY: 'root-key' },
      })
    expect((await usage('--label', 'report')).stdout).toMatch(/label report .*\n.*1 statement,/)
    const [text, json] = [await usage('--principal', 'ann'), await usage('--json')]
    expect([text.code, text.stderr]).toEqual([0, ''])
    expect(text.stdout).toMatch(
      /^\d{4}-\d\d, principal ann \(America\/Los_Angeles\)\nSpent {5}0\.012 USD, 2 statements/,
    )
    expect(JSON.parse(json.stdout)).toEqual(await costs('root-key'))
    expect(await usage('--month', 'never')).toMatchObject({ code: 1, stderr: expect.stringContaining('2026-11') })
  })
})

describe('a gateway without sources that bill', () => {
  it('reports that nothing was spent', async () => {
    const gateway = await GatewayProcess.start()
    const answer = await fetch(`http://${gateway.http}/api/v1/costs`)
    expect(await answer.json()).toMatchObject({ statements: 0, cost_usd: 0, days: [], forecast_usd: null })
    await gateway.stop()
  })
})
