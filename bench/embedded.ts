// TPC-H lineitem at scale 1, and one narrow column, from the embedded DuckDB into pyarrow: through the gateway, through a
// pyarrow server over DuckDB, and in the process of the reader. Rounds are interleaved; medians and ratios are reported.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type MeasuredServer, median, python, root, startGateway, startServer, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 7)
const WARM_UP_READS = 4
const MAX_RUN_MS = 300_000
const GIB = 2 ** 30
const queries = {
  lineitem: 'SELECT * FROM lineitem',
  narrow: 'SELECT range FROM range(50000000)',
}

interface Read {
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
}

const run = (script: string, ...args: string[]): string =>
  execFileSync(python, [join(root, script), ...args], { encoding: 'utf8', timeout: MAX_RUN_MS })
const read = (way: string, where: string, query: string): Read =>
  JSON.parse(run('bench/python/read.py', way, where, query).trim().split('\n').at(-1)!)

const file: string = JSON.parse(run('test/python/lineitem_file.py', '1').trim()).path
const servers: Record<string, MeasuredServer> = {
  gateway: await startGateway({ sources: { tpch: { kind: 'duckdb', path: file } } }),
  'pyarrow server': await startServer(python, [join(root, 'bench/python/flight_server.py'), file], /listening (\S+)/),
}
// Warm up both servers before they are measured.
for (let i = 0; i < WARM_UP_READS; i++)
  for (const { address } of Object.values(servers))
    for (const query of Object.values(queries)) read('flight', `grpc://${address}`, query)
const results: Record<string, object> = {}
for (const [name, query] of Object.entries(queries)) {
  const samples: Record<string, { megabytesPerSecond: number[]; rowsPerSecond: number[]; cpuSecondsPerGiB: number[] }> =
    {}
  const sample = (way: string, { rows, bytes, seconds }: Read, cpuSeconds?: number) => {
    samples[way] ??= { megabytesPerSecond: [], rowsPerSecond: [], cpuSecondsPerGiB: [] }
    samples[way].megabytesPerSecond.push(bytes / 1e6 / seconds)
    samples[way].rowsPerSecond.push(rows / seconds)
    if (cpuSeconds !== undefined) samples[way].cpuSecondsPerGiB.push(cpuSeconds / (bytes / GIB))
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ['table', 'reader']) sample(`in process, ${way}`, read(way, file, query))
    for (const [way, server] of Object.entries(servers)) {
      const before = server.cpuSeconds()
      const result = read('flight', `grpc://${server.address}`, query)
      sample(way, result, server.cpuSeconds() - before)
    }
  }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([way, { megabytesPerSecond, rowsPerSecond, cpuSecondsPerGiB }]) => [
      way,
      {
        megabytesPerSecond: Math.round(median(megabytesPerSecond)),
        rowsPerSecond: Math.round(median(rowsPerSecond)),
        ...(cpuSecondsPerGiB.length > 0 && { serverCpuSecondsPerGiB: Number(median(cpuSecondsPerGiB).toFixed(2)) }),
        ...(servers[way] && { peakRssMegabytes: Math.round(servers[way].peakRssBytes() / 1e6) }),
      },
    ]),
  )
  const rate = (way: string) => median(samples[way]!.megabytesPerSecond)
  const cpu = (way: string) => median(samples[way]!.cpuSecondsPerGiB)
  const ratios = {
    'gateway to pyarrow server, MB/s': Number((rate('gateway') / rate('pyarrow server')).toFixed(2)),
    'gateway to pyarrow server, CPU': Number((cpu('gateway') / cpu('pyarrow server')).toFixed(2)),
    'gateway to in-process reader, MB/s': Number((rate('gateway') / rate('in process, reader')).toFixed(2)),
  }
  results[name] = { query, rounds: ROUNDS, medians, ratios }
  console.log(`\n${name}: ${query}, medians of ${ROUNDS}`)
  console.table(medians)
  console.table(ratios)
}
for (const server of Object.values(servers)) await server.stop()
writeResults('embedded', results)
