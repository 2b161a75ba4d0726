// The gateway under ghz: EstimateCost, ExecuteBatch (four small statements) and GetFlightInfo, with an API key, on the embedded
// DuckDB. `npm run bench -- ghz PROFILE`: `quick` (under 30 s, the default), `full` (2 minutes, three concurrencies) and `load` (rising
// concurrency, then rising request rates). Each prints its report, and writes it with ghz's own figures to .cache/bench/.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandStatementQuery } from '../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../src/fronts/flight/wire/command.ts'
import { root, startGateway, tool, writeResults } from './support/server.ts'

/** One step: so many calls at the same time, or so many requests per second. */
interface Step {
  readonly concurrency: number
  readonly perSecond?: number
}

interface Profile {
  /** Of each step and call. */
  readonly seconds: number
  readonly steps: readonly Step[]
  /** The name under which results are kept in bench/results/. */
  readonly resultName?: string
}

const rates = [250, 500, 1000, 2000, 4000]
const profiles: Readonly<Record<string, Profile>> = {
  quick: { seconds: 5, steps: [{ concurrency: 16 }] },
  full: { seconds: 12, steps: [1, 16, 64].map((concurrency) => ({ concurrency })), resultName: 'ghz' },
  load: {
    seconds: 4,
    steps: [
      ...[1, 4, 16, 64, 128, 256].map((concurrency) => ({ concurrency })),
      ...rates.map((perSecond) => ({ concurrency: 64, perSecond })),
    ],
    resultName: 'ghz-load',
  },
}
const profileName = process.argv[2] ?? 'quick'
const profile = profiles[profileName]
if (!profile) {
  process.stderr.write(`npm run bench -- ghz PROFILE, one of: ${Object.keys(profiles).join(', ')}\n`)
  process.exit(2)
}

const KEY = 'bench-key'
const CONNECTIONS = 4
const WARM_UP_SECONDS = 1
const PERCENTILES = [50, 95, 99]

const gateway = await startGateway({
  auth: { apiKeys: [{ name: 'bench', key: KEY }], sealKeys: ['bench-seal-key-bench-seal-key-bench'] },
  // Calls above the source's slots wait instead of being refused.
  limits: { maxQueued: 10_000 },
  sources: {
    demo: {
      kind: 'duckdb',
      init: [
        `CREATE TABLE orders AS SELECT range AS id, 'customer ' || range % 100 AS name, range * 1.5 AS price FROM range(10000)`,
      ],
    },
  },
})

const command = CommandStatementQuery.encode({ query: 'SELECT * FROM orders WHERE id = 1', transactionId: undefined })
const batch = [1, 2, 3, 4].map((id) => ({ id: `s${id}`, query: `SELECT * FROM orders WHERE id = ${id}` }))
const calls = {
  EstimateCost: {
    method: 'flightgate.v1.GatewayService/EstimateCost',
    data: { statement: { query: 'SELECT name, sum(price) FROM orders GROUP BY name' } },
  },
  ExecuteBatch: { method: 'flightgate.v1.GatewayService/ExecuteBatch', data: { statements: batch } },
  GetFlightInfo: {
    method: 'arrow.flight.protocol.FlightService/GetFlightInfo',
    data: { type: 'CMD', cmd: Buffer.from(packAny('CommandStatementQuery', command.finish())).toString('base64') },
  },
}

interface Report {
  readonly count: number
  readonly rps: number
  readonly latencyDistribution: readonly { readonly percentage: number; readonly latency: number }[] | null
  readonly statusCodeDistribution: Readonly<Record<string, number>>
}

function ghz(
  { method, data }: { method: string; data: object },
  { concurrency, perSecond }: Step,
  seconds: number,
): Report {
  const args = ['--insecure', '--protoset', join(root, 'gen', 'descriptors.binpb'), '--call', method]
  args.push('-d', JSON.stringify(data), '-m', JSON.stringify({ 'x-api-key': KEY }))
  args.push('-z', `${seconds}s`, '--duration-stop', 'wait', '-c', String(concurrency))
  args.push('--connections', String(Math.min(CONNECTIONS, concurrency)))
  if (perSecond) args.push('--rps', String(perSecond))
  const timeout = (seconds + 60) * 1000
  return JSON.parse(
    execFileSync(tool('ghz'), [...args, '-O', 'json', gateway.address], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      timeout,
    }),
  )
}

/** Drives one call for one step; CPU in percent of a core. */
function measure(call: (typeof calls)[keyof typeof calls], step: Step, seconds: number) {
  const before = gateway.cpuTimes()
  const startedAt = performance.now()
  const { count, rps, latencyDistribution, statusCodeDistribution } = ghz(call, step, seconds)
  const elapsed = (performance.now() - startedAt) / 1000
  const after = gateway.cpuTimes()
  const percentOf = (field: 'userSeconds' | 'systemSeconds') =>
    Math.round(((after[field] - before[field]) / elapsed) * 100)
  const at = (wanted: number) => latencyDistribution?.find(({ percentage }) => percentage === wanted)?.latency ?? 0
  const [p50Ms, p95Ms, p99Ms] = PERCENTILES.map((wanted) => Number((at(wanted) / 1e6).toFixed(2)))
  return {
    requestsPerSecond: Math.round(rps),
    p50Ms: p50Ms!,
    p95Ms: p95Ms!,
    p99Ms: p99Ms!,
    errors: count - (statusCodeDistribution['OK'] ?? 0),
    userCpuPercent: percentOf('userSeconds'),
    systemCpuPercent: percentOf('systemSeconds'),
    statusCodeDistribution,
  }
}

const nameOf = ({ concurrency, perSecond }: Step) =>
  perSecond === undefined ? `${concurrency} at a time` : `${perSecond.toLocaleString('en-US')} requests per second`

for (const call of Object.values(calls)) ghz(call, { concurrency: 16 }, WARM_UP_SECONDS)
const results: Record<string, object> = {}
const whole: Record<string, object> = {}
for (const step of profile.steps) {
  const rows: Record<string, object> = {}
  for (const [name, call] of Object.entries(calls)) {
    const { statusCodeDistribution, ...row } = measure(call, step, profile.seconds)
    rows[name] = row
    whole[`${name}, ${nameOf(step)}`] = { ...row, statusCodeDistribution }
  }
  results[nameOf(step)] = { rounds: 1, medians: rows, ratios: {} }
  console.log(`\n${nameOf(step)}, ${profile.seconds} s each`)
  console.table(rows)
}
await gateway.stop()
const folder = join(root, '.cache', 'bench')
mkdirSync(folder, { recursive: true })
const file = join(folder, `ghz-${profileName}.json`)
writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`)
console.log(`\nwritten: ${file}`)
if (profile.resultName) writeResults(profile.resultName, results)
