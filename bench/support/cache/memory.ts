import { FlightBench } from '../flight-bench.ts'
import { type MeasuredServer, startGateway } from '../server.ts'

const GIB = 2 ** 30

/** Resident memory of a gateway with many results, for each GiB of them. */
export async function memory(): Promise<Record<string, object>> {
  const medians: Record<string, object> = {}
  for (const { name, rows, count } of [
    { name: '512 results of 1 MiB', rows: 131_072, count: 512 },
    { name: '20,000 results of 8 KiB', rows: 1000, count: 20_000 },
  ]) {
    const init = ['CREATE TABLE numbers AS SELECT range AS i FROM range(131072)']
    const gateway = await startGateway({
      cache: { maxBytes: GIB },
      sources: { demo: { kind: 'duckdb', init, cache: { ttlMs: 3_600_000 } } },
    })
    const client = new FlightBench(gateway.address)
    for (let i = 0; i < 200; i++)
      await client.read(`SELECT i FROM numbers WHERE i < ${rows} AND i <> -${i}`, 'no-store')
    const before = gateway.rssBytes()
    for (let i = 0; i < count; i++) await client.read(`SELECT i FROM numbers WHERE i < ${rows} AND i <> -${i}`)
    client.close()
    const { bytes, entries } = await cacheStats(gateway)
    if (entries !== count) throw new Error(`the cache has ${entries} results of ${count}`)
    const resident = gateway.rssBytes() - before
    medians[name] = {
      cachedMegabytes: Math.round(bytes / 1e6),
      residentMegabytes: Math.round(resident / 1e6),
      residentBytesPerCachedByte: Number((resident / bytes).toFixed(2)),
    }
    await gateway.stop()
  }
  console.table(medians)
  return { 'memory of cached results': { rounds: 1, medians, ratios: {} } }
}

async function cacheStats(gateway: MeasuredServer): Promise<{ readonly bytes: number; readonly entries: number }> {
  const text = await (await fetch(`http://${gateway.httpAddress}/metrics`)).text()
  const value = (name: string) => Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)![1])
  return { bytes: value('flightgate_cache_bytes'), entries: value('flightgate_cache_entries') }
}
