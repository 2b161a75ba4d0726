// What a query allocates in the gateway: bytes of JavaScript heap for a small query and for a million rows, in the main thread and
// in the workers, through each way in; and the highest memory outside the heap meanwhile. V8 counts the bytes, whether or not they
// have been collected since. `QUERIES=200 npm run bench -- memory` is a short run, and writes no results.
import { mkdtempSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FlightStub, ticketOf } from '../test/e2e/flight-stub.ts'
import type { Allocations } from './support/allocation-probe.ts'
import { GatewayClient } from './support/gateway-client.ts'
import { drain, post, textOf } from './support/http.ts'
import { median, root, startGateway, writeResults } from './support/server.ts'

const ROUNDS = 3
const FULL_QUERIES = 2000
const QUERIES = Number(process.env['QUERIES'] ?? FULL_QUERIES)
/** Code that V8 has not optimized allocates several times as much. */
const WARM_UP_QUERIES = QUERIES
const ROWS = 2 ** 20
const MILLION = 1e6
const SOURCE = 'demo'
const small = 'SELECT 42 AS answer'
const large = `SELECT range AS id, range * 7 AS product, range / 3 AS third, 'customer ' || range AS name FROM range(${ROWS})`

const socketFile = join(mkdtempSync(join(tmpdir(), 'flightgate-bench-')), 'probe')
const probe = join(root, 'bench', 'support', 'allocation-probe.ts')
const gateway = await startGateway({ sources: { [SOURCE]: { kind: 'duckdb' } } }, root, {
  NODE_OPTIONS: `--import=${probe}`,
  ALLOCATION_PROBE: socketFile,
})
const stub = new FlightStub(gateway.address)
const client = new GatewayClient(gateway.address)

const textFrom = async (socket: Socket) => {
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  return text
}

async function ask(): Promise<Allocations> {
  const socket = connect(socketFile)
  socket.write('allocations')
  return JSON.parse(await textFrom(socket))
}

/** Highest memory outside the heap of the main thread while `work` runs, above that at its start. */
async function externalBytesOf(work: () => Promise<unknown>): Promise<number> {
  const socket = connect({ path: socketFile, allowHalfOpen: true })
  socket.write('external')
  await work()
  socket.end()
  return Number(await textFrom(socket))
}

async function doGet(sql: string): Promise<void> {
  const { code, details } = await stub.call('DoGet', [ticketOf(await stub.info(sql))])
  if (code !== 0) throw new Error(details)
}

const stream = async (query: string, format: string) =>
  await drain(await post(gateway.httpAddress, '/api/v1/stream', { query, format }))

/** Each way runs a statement and reads its rows to the end. */
const ways: Readonly<Record<string, (sql: string) => Promise<unknown>>> = {
  'GetFlightInfo and DoGet': doGet,
  Execute: (sql) => client.execute(sql, SOURCE),
  'HTTP query, JSON': async (query) => textOf(await post(gateway.httpAddress, '/api/v1/query', { query })),
  'HTTP stream, NDJSON': (query) => stream(query, 'ndjson'),
  'HTTP stream, CSV': (query) => stream(query, 'csv'),
  'HTTP stream, Arrow': (query) => stream(query, 'arrow'),
}

/** Bytes that the gateway allocates while `work` runs: medians. */
async function allocationsOf(work: () => Promise<unknown>) {
  const main: number[] = []
  const workers: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = await ask()
    await work()
    const after = await ask()
    main.push(after['0']! - before['0']!)
    const grown = Object.entries(after).map(([thread, bytes]) => (thread === '0' ? 0 : bytes - (before[thread] ?? 0)))
    workers.push(grown.reduce((sum, bytes) => sum + bytes))
  }
  return { mainBytes: median(main), workerBytes: median(workers) }
}

const repeat = async (times: number, work: () => Promise<unknown>) => {
  for (let i = 0; i < times; i++) await work()
}
const smallWays = { GetFlightInfo: (sql: string) => stub.info(sql), ...ways }
const perQuery: Record<string, object> = {}
for (const [way, run] of Object.entries(smallWays)) {
  await repeat(WARM_UP_QUERIES, () => run(small))
  const { mainBytes, workerBytes } = await allocationsOf(() => repeat(QUERIES, () => run(small)))
  const kilobytes = (bytes: number) => Number((bytes / QUERIES / 1e3).toFixed(1))
  perQuery[way] = { kilobytesInMainThread: kilobytes(mainBytes), kilobytesInWorkers: kilobytes(workerBytes) }
}
const perRows: Record<string, object> = {}
for (const [way, run] of Object.entries(ways)) {
  await run(large)
  const { mainBytes, workerBytes } = await allocationsOf(() => run(large))
  const externalBytes = await externalBytesOf(() => run(large))
  const megabytes = (bytes: number) => Number(((bytes / 1e6) * (MILLION / ROWS)).toFixed(2))
  perRows[way] = {
    megabytesInMainThread: megabytes(mainBytes),
    megabytesInWorkers: megabytes(workerBytes),
    peakMegabytesOutsideTheHeap: Math.round(externalBytes / 1e6),
  }
}
stub.close()
client.close()
await gateway.stop()
console.log(`\na small query (${small}), each of ${QUERIES}`)
console.table(perQuery)
console.log(`\na million rows of four columns`)
console.table(perRows)
const results = {
  'a small query': { rounds: ROUNDS, medians: perQuery, ratios: {} },
  'a million rows': { rounds: ROUNDS, medians: perRows, ratios: {} },
}
if (QUERIES >= FULL_QUERIES) writeResults('memory', results)
process.exit(0)
