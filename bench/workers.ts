// One, two and four workers: small statements from 16 connections, answered by the cache or run by a Flight server; calls per second
// and the CPU time of the gateway's processes. The client and the server share the machine, so its cores are the limit.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FlightBench } from './support/flight-bench.ts'
import { flightCall, h2load } from './support/h2load.ts'
import { median, python, root, startGateway, startServer, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const CALLS = 10_000
const CONNECTIONS = 16
const AT_ONCE = 4
const folder = mkdtempSync(join(tmpdir(), 'flightgate-bench-'))

const upstream = await startServer(python, [join(root, 'bench/python/relay_upstream.py')], /listening (\S+)/)
const source = { kind: 'flightsql', uri: `grpc://${upstream.address}` }
const counts = [1, 2, 4]
const gateways = new Map<string, Awaited<ReturnType<typeof startGateway>>>()
for (const workers of counts)
  gateways.set(
    workers === 1 ? '1 process' : `${workers} workers`,
    await startGateway({ workers, cache: {}, sources: { up: source } }),
  )

/** User and system time of a process and its children, in seconds. */
function cpuOfAll(pid: number): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]!.split(' ')
        return [{ pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }]
      } catch {
        return [] // It has ended.
      }
    })
  return (
    stats.filter((each) => each.pid === pid || each.parent === pid).reduce((sum, { ticks }) => sum + ticks, 0) / 100
  )
}

const results: Record<string, object> = {}
for (const what of ['cached', 'relayed'] as const) {
  const samples: Record<string, { rps: number[]; p50: number[]; p99: number[]; cpu: number[] }> = {}
  for (let round = -1; round < ROUNDS; round++)
    for (const [name, gateway] of gateways) {
      const client = new FlightBench(gateway.address)
      const file = join(folder, `ticket-${gateway.pid}`)
      writeFileSync(file, await client.requestOf('SELECT batches 0'))
      client.close()
      const before = cpuOfAll(gateway.pid)
      const headers = what === 'cached' ? [] : ['-H', 'cache-control: no-store']
      const { p50Ms, p99Ms, seconds } = h2load([...headers, ...flightCall(gateway.address, 'DoGet', file)], {
        calls: CALLS,
        connections: CONNECTIONS,
        atOnce: AT_ONCE,
        folder,
      })
      // The first round warms up.
      if (round < 0) continue
      samples[name] ??= { rps: [], p50: [], p99: [], cpu: [] }
      samples[name].rps.push(CALLS / seconds)
      samples[name].p50.push(p50Ms)
      samples[name].p99.push(p99Ms)
      samples[name].cpu.push(((cpuOfAll(gateway.pid) - before) / CALLS) * 1e6)
    }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, { rps, p50, p99, cpu }]) => [
      name,
      {
        callsPerSecond: Math.round(median(rps)),
        p50Ms: Number(median(p50).toFixed(2)),
        p99Ms: Number(median(p99).toFixed(2)),
        gatewayCpuMicrosecondsPerCall: Math.round(median(cpu)),
      },
    ]),
  )
  const ratios = Object.fromEntries(
    Object.entries(samples)
      .filter(([name]) => name !== '1 process')
      .map(([name, { rps }]) => [
        `${name} to 1 process, calls/s`,
        Number((median(rps) / median(samples['1 process']!.rps)).toFixed(2)),
      ]),
  )
  results[what === 'cached' ? 'answered by the cache' : 'run by the server'] = {
    rounds: ROUNDS,
    calls: CALLS,
    medians,
    ratios,
  }
  console.log(`\n${what}, medians of ${ROUNDS} x ${CALLS} calls`)
  console.table(medians)
  console.table(ratios)
}
for (const server of [...gateways.values(), upstream]) await server.stop()
writeResults('workers', results)
