import { FlightBench } from '../flight-bench.ts'
import { startGateway } from '../server.ts'
import { dashboardTrace } from '../zipf.ts'

/**
 * An hour of dashboards in a minute: 200 statements by Zipf's law, three requests a second from three principals, a time to live of
 * five minutes and a minute in which stale rows are served. All times are divided by 60.
 */
export async function dashboards(): Promise<Record<string, object>> {
  const scale = 60
  const cache = { ttlMs: 300_000 / scale, staleWhileRevalidateMs: 60_000 / scale }
  const principals = ['ada', 'bob', 'eve']
  const init = ['CREATE TABLE sales AS SELECT range AS i, range % 200 AS tile FROM range(100000)']
  const medians: Record<string, object> = {}
  for (const scope of ['principal', 'shared'] as const) {
    const gateway = await startGateway({
      auth: { apiKeys: principals.map((name) => ({ name, key: `key-of-${name}` })) },
      cache,
      sources: { demo: { kind: 'duckdb', init, cache: { scope } } },
    })
    const clients = new Map(principals.map((name) => [name, new FlightBench(gateway.address, `key-of-${name}`)]))
    const counts: Record<string, number> = { HIT: 0, STALE: 0, MISS: 0, BYPASS: 0 }
    const trace = dashboardTrace({ statements: 200, principals, requestsPerSecond: 3, seconds: 3600, seed: 17 })
    const startedAt = performance.now()
    const pending: Promise<void>[] = []
    for (const { atSeconds, principal, statement } of trace) {
      const waitMs = (atSeconds * 1000) / scale - (performance.now() - startedAt)
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
      const sql = `SELECT tile, sum(i) AS total FROM sales WHERE tile <= ${statement} GROUP BY tile ORDER BY tile`
      pending.push(
        clients
          .get(principal)!
          .read(sql)
          .then(({ status }) => void counts[status]!++),
      )
    }
    await Promise.all(pending)
    for (const client of clients.values()) client.close()
    await gateway.stop()
    const share = (count: number) => Number(((100 * count) / trace.length).toFixed(1))
    medians[`scope ${scope}`] = {
      requests: trace.length,
      freshPercent: share(counts['HIT']!),
      stalePercent: share(counts['STALE']!),
      answeredByTheCachePercent: share(counts['HIT']! + counts['STALE']!),
    }
  }
  console.table(medians)
  return { 'dashboard trace': { rounds: 1, medians, ratios: {} } }
}
