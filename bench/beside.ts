// This tree next to an earlier commit of the project, in one run: `npm run bench -- beside REVISION`. Both gateways serve the
// same files and the same upstream, rounds are interleaved, and the ratios show the cost of the changes between the two.
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

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const WARM_UPS = 3
const CALLS = 10_000
const STATEMENTS = 4000
const KEY = 'bench-key'
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
const gateways: Readonly<Record<string, MeasuredServer>> = {
  'this tree': await startGateway(config),
  'the earlier commit': await startGateway(config, earlier),
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
const participants = Object.entries(gateways)
const only = process.env['CASES']?.split(',')
const results: Record<string, object> = {}
for (const [name, work] of Object.entries(cases)) {
  if (only && !only.some((part) => name.startsWith(part))) continue
  for (let i = 0; i < WARM_UPS; i++) for (const { address } of Object.values(gateways)) work(address)
  const samples: Record<string, { wall: number[]; user: number[]; system: number[] }> = {}
  for (let round = 0; round < ROUNDS; round++)
    // Each goes first in every other round.
    for (const [who, server] of round % 2 === 0 ? participants : participants.toReversed()) {
      const before = server.cpuTimes()
      const startedAt = performance.now()
      const units = work(server.address)
      const seconds = (performance.now() - startedAt) / 1000
      const after = server.cpuTimes()
      samples[who] ??= { wall: [], user: [], system: [] }
      samples[who].wall.push((seconds / units) * 1e6)
      samples[who].user.push(((after.userSeconds - before.userSeconds) / units) * 1e6)
      samples[who].system.push(((after.systemSeconds - before.systemSeconds) / units) * 1e6)
    }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([who, { wall, user, system }]) => [
      who,
      {
        microseconds: Number(median(wall).toFixed(1)),
        userCpuMicroseconds: Number(median(user).toFixed(1)),
        systemCpuMicroseconds: Number(median(system).toFixed(1)),
      },
    ]),
  )
  const [ours, theirs] = [medians['this tree']!, medians['the earlier commit']!]
  const cpuOf = (each: typeof ours) => each.userCpuMicroseconds + each.systemCpuMicroseconds
  const ratios = {
    'this tree to the earlier commit, time': Number((ours.microseconds / theirs.microseconds).toFixed(2)),
    'this tree to the earlier commit, CPU': Number((cpuOf(ours) / cpuOf(theirs)).toFixed(2)),
  }
  results[name] = { rounds: ROUNDS, medians, ratios }
  console.log(`\n${name}, medians of ${ROUNDS}`)
  console.table(medians)
  console.table(ratios)
}
for (const server of [...Object.values(gateways), upstream]) await server.stop()
if (!only) writeResults('beside', results, { comparedWith: git('rev-parse', '--short', revision) })
