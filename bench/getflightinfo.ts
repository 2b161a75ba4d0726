// GetFlightInfo under ghz: through authentication, the whole pipeline and a sealed ticket, next to arrow-go's sqlite Flight
// SQL server. Rounds are interleaved; medians and ratios are reported. The gateway plans a statement to return its schema and
// caches the plan; the sqlite server returns no schema and needs no credentials. So the gateway is measured with one
// statement in all calls, like the sqlite server, and with a new statement in each call.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import {
  FlightDescriptor_DescriptorType as DescriptorType,
  FlightDescriptor,
} from '../gen/arrow/flight/protocol/Flight.ts'
import { CommandStatementQuery } from '../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../src/fronts/flight/wire/command.ts'
import {
  freePort,
  type MeasuredServer,
  median,
  root,
  startGateway,
  startServer,
  tool,
  writeResults,
} from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const CALLS = 20_000
const WARM_UP_CALLS = 5_000
const MAX_RUN_MS = 120_000
const CONCURRENCY = [1, 16]
const SQL = 'SELECT * FROM intTable WHERE id = 1'

const gateway = await startGateway({
  auth: { apiKeys: [{ name: 'bench', key: 'bench-key' }], sealKeys: ['bench-seal-key-bench-seal-key-bench'] },
  sources: {
    demo: {
      kind: 'duckdb',
      init: ['CREATE TABLE intTable (id INTEGER, keyName VARCHAR, value INTEGER, foreignId INTEGER)'],
    },
  },
})
const port = await freePort()
const sqlite = await startServer(
  tool('sqlite_flightsql_server'),
  ['-host', '127.0.0.1', '-port', String(port)],
  /(Starting|listening)/i,
)
const cmd = packAny(
  'CommandStatementQuery',
  CommandStatementQuery.encode({ query: SQL, transactionId: undefined }).finish(),
)
const request = FlightDescriptor.encode({ type: DescriptorType.CMD, cmd, path: [] }).finish()
/** ghz's request as JSON; its templates count, and the run number keeps statements unique across runs. */
const sameStatement = () => JSON.stringify({ type: 'CMD', cmd: Buffer.from(cmd).toString('base64') })
let runs = 0
const newStatement = () => {
  const sql = `SELECT * FROM intTable WHERE id = %d + ${++runs} * 1000000`
  return JSON.stringify({ type: 'CMD', cmd: `{{ printf \`${sql}\` .RequestNumber | b64enc }}` })
}

interface Participant {
  readonly server: MeasuredServer
  readonly address: string
  readonly data: () => string
}

const participants: Readonly<Record<string, Participant>> = {
  gateway: { server: gateway, address: gateway.address, data: sameStatement },
  'gateway, each statement new': { server: gateway, address: gateway.address, data: newStatement },
  'sqlite server (Go)': { server: sqlite, address: `127.0.0.1:${port}`, data: sameStatement },
}
const descriptors = join(root, 'gen', 'descriptors.binpb')

interface Report {
  readonly rps: number
  readonly latencyDistribution: readonly { readonly percentage: number; readonly latency: number }[]
  readonly statusCodeDistribution: Readonly<Record<string, number>>
}

function ghz({ address, data }: Participant, calls: number, concurrency: number): Report {
  const args = ['--insecure', '--protoset', descriptors, '--call', 'arrow.flight.protocol.FlightService/GetFlightInfo']
  args.push('-d', data())
  args.push('-m', '{"x-api-key":"bench-key"}', '-n', String(calls), '-c', String(concurrency), '-O', 'json', address)
  const report: Report = JSON.parse(
    execFileSync(tool('ghz'), args, { encoding: 'utf8', maxBuffer: 1 << 28, timeout: MAX_RUN_MS }),
  )
  if (report.statusCodeDistribution['OK'] !== calls) throw new Error(JSON.stringify(report.statusCodeDistribution))
  return report
}

console.log(`${request.length}-byte request: ${SQL}`)
const results: Record<string, object> = {}
for (const participant of Object.values(participants)) ghz(participant, WARM_UP_CALLS, 16)
for (const concurrency of CONCURRENCY) {
  const samples: Record<string, { rps: number[]; p50: number[]; p99: number[]; cpu: number[] }> = {}
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, participant] of Object.entries(participants)) {
      const before = participant.server.cpuSeconds()
      const { rps, latencyDistribution } = ghz(participant, CALLS, concurrency)
      const at = (percentage: number) =>
        latencyDistribution.find((each) => each.percentage === percentage)!.latency / 1e6
      samples[name] ??= { rps: [], p50: [], p99: [], cpu: [] }
      samples[name].rps.push(rps)
      samples[name].p50.push(at(50))
      samples[name].p99.push(at(99))
      samples[name].cpu.push(((participant.server.cpuSeconds() - before) / CALLS) * 1e6)
    }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, { rps, p50, p99, cpu }]) => [
      name,
      {
        callsPerSecond: Math.round(median(rps)),
        p50Ms: Number(median(p50).toFixed(3)),
        p99Ms: Number(median(p99).toFixed(3)),
        serverCpuMicrosecondsPerCall: Math.round(median(cpu)),
      },
    ]),
  )
  const ours = medians['gateway']!
  const planned = medians['gateway, each statement new']!
  const theirs = medians['sqlite server (Go)']!
  const ratios = {
    'gateway to sqlite server, CPU per call': Number(
      (ours.serverCpuMicrosecondsPerCall / theirs.serverCpuMicrosecondsPerCall).toFixed(2),
    ),
    'gateway, each statement new, to sqlite server, CPU per call': Number(
      (planned.serverCpuMicrosecondsPerCall / theirs.serverCpuMicrosecondsPerCall).toFixed(2),
    ),
    'gateway to sqlite server, calls/s': Number((ours.callsPerSecond / theirs.callsPerSecond).toFixed(2)),
  }
  results[`concurrency ${concurrency}`] = { rounds: ROUNDS, calls: CALLS, medians, ratios }
  console.log(`\nconcurrency ${concurrency}, medians of ${ROUNDS} x ${CALLS} calls`)
  console.table(medians)
  console.table(ratios)
}
for (const server of [gateway, sqlite]) await server.stop()
writeResults('getflightinfo', results)
