// The full round of a prepared statement (create, info, get, close) on a small query, next to arrow-go's sqlite Flight SQL
// server: a Go client drives both, rounds of the benchmark are interleaved, medians and ratios are reported.
import { execFileSync } from 'node:child_process'
import { freePort, median, startGateway, startServer, tool, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const STATEMENTS = 4000
const WARM_UP_STATEMENTS = 3000
const CONCURRENCY = [1, 16, 64]
const CONNECTIONS = 4
const SQL = 'SELECT * FROM intTable WHERE id < 3'
const KEY = 'bench-key'

const gateway = await startGateway({
  auth: { apiKeys: [{ name: 'bench', key: KEY }], sealKeys: ['bench-seal-key-bench-seal-key-bench'] },
  // As many slots as the load has concurrent statements; with the default, some would queue.
  limits: { maxQueued: 1000 },
  sources: {
    demo: {
      kind: 'duckdb',
      init: [
        'CREATE TABLE intTable (id BIGINT, keyName VARCHAR, value BIGINT, foreignId BIGINT)',
        `INSERT INTO intTable VALUES (1, 'one', 1, 1), (2, 'zero', 0, 1), (3, 'negative one', -1, 1), (4, NULL, NULL, NULL)`,
      ],
    },
  },
})
const port = await freePort()
const sqlite = await startServer(
  tool('sqlite_flightsql_server'),
  ['-host', '127.0.0.1', '-port', String(port)],
  /(Starting|listening)/i,
)
const participants = {
  gateway: { server: gateway, address: gateway.address },
  'sqlite server (Go)': { server: sqlite, address: `127.0.0.1:${port}` },
}

interface Report {
  readonly roundsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

function drive(address: string, rounds: number, concurrency: number): Report {
  const args = ['-address', address, '-key', KEY, '-sql', SQL, '-rounds', String(rounds)]
  args.push('-concurrency', String(concurrency), '-connections', String(Math.min(CONNECTIONS, concurrency)))
  return JSON.parse(execFileSync(tool('prepared_rounds'), args, { encoding: 'utf8', timeout: 120_000 }))
}

const results: Record<string, object> = {}
for (const { address } of Object.values(participants)) drive(address, WARM_UP_STATEMENTS, 16)
for (const concurrency of CONCURRENCY) {
  const samples: Record<string, (Report & { readonly cpu: number })[]> = {}
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, { server, address }] of Object.entries(participants)) {
      const before = server.cpuSeconds()
      const report = drive(address, STATEMENTS, concurrency)
      samples[name] ??= []
      samples[name].push({ ...report, cpu: ((server.cpuSeconds() - before) / STATEMENTS) * 1e6 })
    }
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, all]) => [
      name,
      {
        statementsPerSecond: Math.round(median(all.map((each) => each.roundsPerSecond))),
        p50Ms: Number(median(all.map((each) => each.p50Ms)).toFixed(3)),
        p99Ms: Number(median(all.map((each) => each.p99Ms)).toFixed(3)),
        serverCpuMicrosecondsPerStatement: Math.round(median(all.map((each) => each.cpu))),
      },
    ]),
  )
  const [ours, theirs] = [medians['gateway']!, medians['sqlite server (Go)']!]
  const ratio = (of: number, to: number) => Number((of / to).toFixed(2))
  const ratios = {
    'gateway to sqlite server, statements/s': ratio(ours.statementsPerSecond, theirs.statementsPerSecond),
    'gateway to sqlite server, p50': ratio(ours.p50Ms, theirs.p50Ms),
    'gateway to sqlite server, p99': ratio(ours.p99Ms, theirs.p99Ms),
    'gateway to sqlite server, CPU per statement': ratio(
      ours.serverCpuMicrosecondsPerStatement,
      theirs.serverCpuMicrosecondsPerStatement,
    ),
  }
  results[`concurrency ${concurrency}`] = { rounds: ROUNDS, statements: STATEMENTS, medians, ratios }
  console.log(`\nconcurrency ${concurrency}, medians of ${ROUNDS} x ${STATEMENTS} statements`)
  console.table(medians)
  console.table(ratios)
}
for (const server of [gateway, sqlite]) await server.stop()
writeResults('prepared', results)
