import { expect } from 'vitest'
import { clearOfMidnight } from '../clear-of-midnight.ts'
import { type BigQueryFake, startBigQueryFake } from '../fakes/bigquery/fake.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { type Json, postJson } from './http-client.ts'

/** Bytes of each statement: a whole number of MiB, as BigQuery bills them. */
export const BYTES = 1000 * 2 ** 20
/** What they cost in the US. */
export const USD = (BYTES / 2 ** 40) * 6.25
/** A budget for ten statements. */
export const forTen = { monthlyBudgetUsd: 10.5 * USD }

/** Dollars of so many statements. */
export const times = (count: number) => expect.closeTo(count * USD, 6)

/** A stand-in of BigQuery with a table whose every scan costs the same. */
export class PricedShop {
  readonly fake: BigQueryFake
  #last = 0

  private constructor(fake: BigQueryFake) {
    this.fake = fake
  }

  static async start(jobDurationMs = 1000): Promise<PricedShop> {
    await clearOfMidnight('month')
    const table = {
      dataset: 'shop',
      name: 't',
      schema: [{ name: 'n', type: 'INT64' }],
      rows: [{ f: [{ v: '1' }] }],
      columnBytes: { n: BYTES },
    } as const
    return new PricedShop(await startBigQueryFake({ tables: [table], jobDurationMs, canceledBill: 'all' }))
  }

  /** Configuration of a gateway with this source as `wh`. */
  configOf(more: object = {}, limits: object = forTen): object {
    const { endpoint, storageEndpoint } = this.fake
    const base = { kind: 'bigquery', projectId: 'test-project', location: 'US', anonymous: true, maxStreams: 100 }
    return { sources: { wh: { ...base, endpoint, storageEndpoint, limits } }, ...more }
  }

  /** Runs a statement that BigQuery has not seen. */
  async query(gateway: GatewayProcess): Promise<{ readonly status: number; readonly body: Json }> {
    const response = await postJson(gateway, '/api/v1/query', { query: `SELECT n, ${++this.#last} AS i FROM shop.t` })
    return { status: response.status, body: await response.json() }
  }
}

/** What is spent, or reserved, of the month of `wh`. */
export async function spentOf(gateway: GatewayProcess, name: 'spent' | 'reserved' = 'spent'): Promise<number> {
  return await gateway.metric(`flightgate_budget_${name}_usd`, { account: 'source/wh', period: 'month' })
}
