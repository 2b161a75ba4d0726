// 1 GiB in batches of 1 MiB from a server of BigQuery's Storage Read API into Arrow in Python: by Google's Python client directly,
// and by pyarrow through the gateway. Rounds are interleaved; medians and ratios are reported. Then a page of rows of the REST API to
// Arrow, beside the row parser of Google's Node client.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { measureRestRows } from './support/rest-rows.ts'
import { type MeasuredServer, median, python, root, startGateway, startServer, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 7)
const BATCHES = Number(process.env['BATCHES'] ?? 1024)
const BATCH_ROWS = 20_000
const STREAMS = 4
const GIB = 2 ** 30

const upstream = await startServer(
  process.execPath,
  [join(root, 'bench/support/bigquery-upstream.ts'), String(BATCHES)],
  /listening (\S+) (\S+)/,
)
const [endpoint, storageEndpoint] = [upstream.address, upstream.httpAddress]
const gateway = await startGateway({
  sources: {
    bq: {
      kind: 'bigquery',
      projectId: 'test-project',
      anonymous: true,
      endpoint,
      storageEndpoint,
      readStreams: STREAMS,
    },
  },
})

interface Read {
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
  readonly cpuSeconds: number
}

const read = (...args: string[]): Read => {
  const command = [join(root, 'bench/python/read_bigquery.py'), ...args]
  return JSON.parse(execFileSync(python, command, { encoding: 'utf8', timeout: 300_000 }).trim())
}
const ways: Readonly<Record<string, { readonly args: readonly string[]; readonly server?: MeasuredServer }>> = {
  "Google's Python client": { args: ['storage', storageEndpoint, String(STREAMS)] },
  'pyarrow, through the gateway': {
    args: ['flight', `grpc://${gateway.address}`, 'SELECT * FROM bench.large'],
    server: gateway,
  },
}

const samples: Record<string, Record<string, number[]>> = {}
const [direct, through] = Object.keys(ways) as [string, string]
for (const { args } of Object.values(ways)) read(...args)
for (let round = 0; round < ROUNDS; round++)
  for (const [name, { args, server }] of Object.entries(ways)) {
    const before = server?.cpuTimes()
    const { rows, bytes, seconds, cpuSeconds } = read(...args)
    if (rows !== BATCHES * BATCH_ROWS) throw new Error(`${name} gave ${rows} rows`)
    const figures: Record<string, number> = {
      megabytesPerSecond: bytes / 1e6 / seconds,
      readerCpuSecondsPerGiB: cpuSeconds / (bytes / GIB),
    }
    if (server && before) {
      const after = server.cpuTimes()
      figures['gatewayUserSecondsPerGiB'] = (after.userSeconds - before.userSeconds) / (bytes / GIB)
      figures['gatewaySystemSecondsPerGiB'] = (after.systemSeconds - before.systemSeconds) / (bytes / GIB)
    }
    samples[name] ??= {}
    for (const [figure, value] of Object.entries(figures)) {
      samples[name][figure] ??= []
      samples[name][figure].push(value)
    }
  }
const rounded = (values: readonly number[]) => {
  const value = median(values)
  return value > 100 ? Math.round(value) : Number(value.toFixed(2))
}
const medians: Record<string, Record<string, number>> = Object.fromEntries(
  Object.entries(samples).map(([name, figures]) => [
    name,
    Object.fromEntries(Object.entries(figures).map(([figure, values]) => [figure, rounded(values)])),
  ]),
)
medians[through]!['gatewayPeakRssMegabytes'] = Math.round(gateway.peakRssBytes() / 1e6)
const of = (name: string, figure: string) => median(samples[name]![figure]!)
const gatewayCpu = of(through, 'gatewayUserSecondsPerGiB') + of(through, 'gatewaySystemSecondsPerGiB')
const ratios = {
  "gateway to Google's Python client, CPU": Number((gatewayCpu / of(direct, 'readerCpuSecondsPerGiB')).toFixed(2)),
  "pyarrow through the gateway to Google's Python client, CPU of the reader": Number(
    (of(through, 'readerCpuSecondsPerGiB') / of(direct, 'readerCpuSecondsPerGiB')).toFixed(2),
  ),
  "through the gateway to Google's Python client, MB/s": Number(
    (of(through, 'megabytesPerSecond') / of(direct, 'megabytesPerSecond')).toFixed(2),
  ),
}
console.log(`${BATCHES} batches of 1 MiB over ${STREAMS} streams, medians of ${ROUNDS}`)
console.table(medians)
console.table(ratios)
await gateway.stop()
await upstream.stop()
const restRows = await measureRestRows(ROUNDS)
console.log(`a page of ${restRows.rows} rows of REST, medians of ${ROUNDS}`)
console.table(restRows.medians)
console.table(restRows.ratios)
writeResults('bigquery', {
  'Storage Read API, batches of 1 MiB over 4 streams': { rounds: ROUNDS, batches: BATCHES, medians, ratios },
  'a page of 50,000 rows of REST': restRows,
})
