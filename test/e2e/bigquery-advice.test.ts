import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tpchTables } from '../fakes/bigquery/tpch-tables.ts'
import { waitFor } from '../wait-for.ts'
import { startWarehouse, type Warehouse } from './bigquery-warehouse.ts'

interface EstimateJson {
  readonly advice: readonly Readonly<Record<string, unknown>>[]
  readonly suggestions: readonly string[]
}

describe('advice of a running gateway', () => {
  let warehouse: Warehouse
  beforeAll(async () => {
    const sources = { warehouse: { location: 'US', limits: { maxBytesPerQuery: 9_000_000_000 } } }
    warehouse = await startWarehouse({ tables: tpchTables(), sources })
  })
  afterAll(async () => {
    expect(await warehouse.stop()).toBe(0)
  })

  const estimate = async (query: string): Promise<EstimateJson> => {
    const response = await fetch(`http://${warehouse.gateway.http}/api/v1/estimate-cost`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    expect(response.status).toBe(200)
    const body = (await response.json()) as EstimateJson & { readonly estimate?: EstimateJson }
    return body.estimate ?? body
  }
  /** An estimate with advice: the gateway waits only some time for it. */
  const advised = (query: string): Promise<EstimateJson> =>
    waitFor(async () => {
      const found = await estimate(query)
      return found.advice?.length > 0 ? found : undefined
    }, 'an estimate with advice')

  it('an estimate has the rewritten statement and what it saves; no job runs', async () => {
    const sql = (condition: string) => `SELECT SUM(l_tax) FROM tpch.lineitem WHERE ${condition}`
    const { advice, suggestions } = await advised(sql("FORMAT_DATE('%Y', l_shipdate) = '1995'"))
    expect(advice[0]).toMatchObject({
      rule: 'wrapped_partition_filter',
      rewritten_query: sql("l_shipdate >= DATE '1995-01-01' AND l_shipdate < DATE '1996-01-01'"),
    })
    expect(Number(advice[0]!['saved_bytes'])).toBeGreaterThan(10e9)
    expect(suggestions).toContain(advice[0]!['message'])
    expect(warehouse.fake.billedBytes).toBe(0)
  })

  it('a statement above a limit is refused with what the best rewrite would bill', async () => {
    const refused = async () => {
      const response = await fetch(`http://${warehouse.gateway.http}/api/v1/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: "SELECT SUM(l_tax) FROM tpch.lineitem WHERE FORMAT_DATE('%Y', l_shipdate) = '1995'",
        }),
      })
      expect(response.status).toBe(429)
      return await response.text()
    }
    const text = await waitFor(async () => {
      const told = await refused()
      return told.includes('A rewrite') ? told : undefined
    }, 'a refusal with advice')
    expect(JSON.parse(text)).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      details: { reason: 'query_bytes', advice_rule: 'wrapped_partition_filter' },
    })
    expect(text).toMatch(/A rewrite \(wrapped_partition_filter\) would bill 2\.\d GB instead of 14 GB/)
    expect(warehouse.fake.billedBytes).toBe(0)
  })

  it('a statement that breaks the parser gets an answer as well, and the next one gets advice again', async () => {
    warehouse.fake.answer(/NOT NOT NOT/, { schema: [{ name: 'a', type: 'BOOLEAN' }], rows: [], processedBytes: 5e9 })
    expect((await estimate(`SELECT ${'NOT '.repeat(20_000)}TRUE`)).advice ?? []).toEqual([])
    await advised('SELECT DISTINCT * FROM tpch.orders LIMIT 5')
  })
})
