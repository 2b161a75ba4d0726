// This tree next to an earlier commit of the project, in one run: `npm run bench -- beside REVISION`. Both gateways serve the
// same files and the same upstream, rounds are interleaved, and the ratios show the cost of the changes between the two. Two
// processes of one commit differ by up to a quarter in CPU for as long as they live, so each case runs with several pairs of new
// processes, and the ratios are medians over the pairs, with their spread. `beside HEAD` of a clean tree shows what noise is left.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandStatementQuery } from '../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny } from '../src/fronts/flight/wire/command.ts'
import {
  type MeasuredServer,
  median,
  python,
  root,
  startGateway,
  startServer,
  tool,
  writeResults,
} from './support/server.ts'

const PAIRS = Number(process.env['PAIRS'] ?? 5)
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
const WARM_UPS = 2
const CALLS = 10_000
const STATEMENTS = 4000
const KEY = 'bench-key'
const OURS = 'this tree'
const THEIRS = 'the earlier commit'
type Participant = typeof OURS | typeof THEIRS
/** The participants in an order that changes from turn to turn. */
const inTurn = (turn: number): readonly Participant[] => (turn % 2 === 0 ? [OURS, THEIRS] : [THEIRS, OURS])
const MIB = 2 ** 20
const revision = process.argv[2] ?? 'HEAD~1'

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const earlier = join(mkdtempSync(join(tmpdir(), 'flightgate-beside-')), 'tree')
git('worktree', 'add', '--detach', '--quiet', earlier, revision)
process.once('exit', () => git('worktree', 'remove', '--force', earlier))
symlinkSync(join(root, 'node_modules'), join(earlier, 'node_modules'))

const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 28 })
const file: string = JSON.parse(run(python, [join(root, 'test/python/lineitem_file.py'), '1'])).path
const upstream = await startServer(python, [join(root, 'bench/python/relay_upstream.py')], /listening (\S+)/)
const config = {
  auth: { apiKeys: [{ name: 'bench', key: KEY }], sealKeys: ['bench-seal-key-bench-seal-key-bench'] },
  limits: { maxQueued: 1000 },
  defaultSource: 'tpch',
  sources: {
    tpch: { kind: 'duckdb', path: file },
    up: { kind: 'flightsql', uri: `grpc://${upstream.address}` },
  },
}
/** Starts both gateways, each first in every other pair. */
async function startPair(pair: number): Promise<Readonly<Record<Participant, MeasuredServer>>> {
  const servers: Partial<Record<Participant, MeasuredServer>> = {}
  for (const who of inTurn(pair)) servers[who] = await startGateway(config, who === OURS ? root : earlier)
  return servers as Record<Participant, MeasuredServer>
}

/** Reads a query with pyarrow; returns the units of work done, MiB of Arrow data. */
function read(address: string, source: string, query: string): number {
  const args = [join(root, 'bench/python/read.py'), 'flight', `grpc://${address}`, query, KEY, source]
  return (JSON.parse(run(python, args).trim().split('\n').at(-1)!) as { bytes: number }).bytes / MIB
}

const command = CommandStatementQuery.encode({
  query: 'SELECT * FROM lineitem LIMIT 1',
  transactionId: undefined,
}).finish()
const request = JSON.stringify({
  type: 'CMD',
  cmd: Buffer.from(packAny('CommandStatementQuery', command)).toString('base64'),
})
function getFlightInfo(address: string, concurrency: number): number {
  const args = ['--insecure', '--protoset', join(root, 'gen', 'descriptors.binpb')]
  args.push(
    '--call',
    'arrow.flight.protocol.FlightService/GetFlightInfo',
    '-d',
    request,
    '-m',
    `{"x-api-key":"${KEY}"}`,
  )
  args.push('-n', String(CALLS), '-c', String(concurrency), '-O', 'json', address)
  const { statusCodeDistribution } = JSON.parse(run(tool('ghz'), args))
  if (statusCodeDistribution.OK !== CALLS) throw new Error(JSON.stringify(statusCodeDistribution))
  return CALLS
}

function prepared(address: string, concurrency: number): number {
  const args = ['-address', address, '-key', KEY, '-sql', 'SELECT 42 AS answer', '-rounds', String(STATEMENTS)]
  run(tool('prepared_rounds'), [...args, '-concurrency', String(concurrency), '-connections', '4'])
  return STATEMENTS
}

const cases: Readonly<Record<string, (address: string) => number>> = {
  'embedded, lineitem (a MiB)': (address) => read(address, 'tpch', 'SELECT * FROM lineitem'),
  'embedded, one narrow column (a MiB)': (address) => read(address, 'tpch', 'SELECT range FROM range(50000000)'),
  'relay, batches of 1 MiB (a MiB)': (address) => read(address, 'up', 'SELECT batches 1024'),
  'getflightinfo, 1 at a time (a call)': (address) => getFlightInfo(address, 1),
  'getflightinfo, 16 at a time (a call)': (address) => getFlightInfo(address, 16),
  'prepared, 16 at a time (a statement)': (address) => prepared(address, 16),
}
/** Figures of one unit of work, in microseconds. */
interface Figures {
  readonly microseconds: number
  readonly userCpuMicroseconds: number
  readonly systemCpuMicroseconds: number
}
const cpuOf = (each: Figures) => each.userCpuMicroseconds + each.systemCpuMicroseconds

function measure(server: MeasuredServer, work: (address: string) => number): Figures {
  const before = server.cpuTimes()
  const startedAt = performance.now()
  const units = work(server.address)
  const milliseconds = performance.now() - startedAt
  const after = server.cpuTimes()
  return {
    microseconds: (milliseconds / units) * 1e3,
    userCpuMicroseconds: ((after.userSeconds - before.userSeconds) / units) * 1e6,
    systemCpuMicroseconds: ((after.systemSeconds - before.systemSeconds) / units) * 1e6,
  }
}

function mediansOf(all: readonly Figures[]): Figures {
  const of = (name: keyof Figures) => Number(median(all.map((each) => each[name])).toFixed(1))
  return {
    microseconds: of('microseconds'),
    userCpuMicroseconds: of('userCpuMicroseconds'),
    systemCpuMicroseconds: of('systemCpuMicroseconds'),
  }
}

const round = (value: number) => Number(value.toFixed(2))

const only = process.env['CASES']?.split(';')
const results: Record<string, object> = {}
for (const [name, work] of Object.entries(cases)) {
  if (only && !only.some((part) => name.startsWith(part))) continue
  const pairs: Record<Participant, Figures>[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    const servers = await startPair(pair)
    for (let i = 0; i < WARM_UPS; i++) for (const who of inTurn(pair)) work(servers[who].address)
    const samples: Record<Participant, Figures[]> = { [OURS]: [], [THEIRS]: [] }
    for (let round = 0; round < ROUNDS; round++)
      for (const who of inTurn(pair + round)) samples[who].push(measure(servers[who], work))
    for (const server of Object.values(servers)) await server.stop()
    pairs.push({ [OURS]: mediansOf(samples[OURS]), [THEIRS]: mediansOf(samples[THEIRS]) })
  }
  const medians = {
    [OURS]: mediansOf(pairs.map((pair) => pair[OURS])),
    [THEIRS]: mediansOf(pairs.map((pair) => pair[THEIRS])),
  }
  const times = pairs.map((pair) => pair[OURS].microseconds / pair[THEIRS].microseconds)
  const cpu = pairs.map((pair) => cpuOf(pair[OURS]) / cpuOf(pair[THEIRS]))
  const ratios = {
    'this tree to the earlier commit, time': round(median(times)),
    'this tree to the earlier commit, CPU': round(median(cpu)),
    'CPU, least of the pairs': round(Math.min(...cpu)),
    'CPU, greatest of the pairs': round(Math.max(...cpu)),
  }
  results[name] = { rounds: PAIRS * ROUNDS, medians, ratios }
  console.log(`\n${name}, ${PAIRS} pairs of processes, medians of ${ROUNDS} rounds`)
  console.table(medians)
  console.table(ratios)
}
await upstream.stop()
if (!only) writeResults('beside', results, { comparedWith: git('rev-parse', '--short', revision) })
