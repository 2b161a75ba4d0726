// 20 statements against a server that is 50 ms away: as one batch with five at a time, and one by one by the same client, over
// gRPC (ExecuteBatch beside Execute) and HTTP (/api/v1/batch beside /api/v1/query). A TCP proxy before the server makes the
// latency: it holds all bytes back by 25 ms in each direction. Rounds are interleaved; medians and ratios are reported.
import { join } from 'node:path'
import { startDelayProxy } from './support/delay-proxy.ts'
import { GatewayClient } from './support/gateway-client.ts'
import { post, textOf } from './support/http.ts'
import { median, python, root, startGateway, startServer, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 7)
const STATEMENTS = 20
const CONCURRENCY = 5
const LATENCY_MS = 50
const SOURCE = 'up'

const upstream = await startServer(python, [join(root, 'bench/python/relay_upstream.py')], /listening (\S+)/)
const address = await startDelayProxy(upstream.address, LATENCY_MS / 2)
const gateway = await startGateway({ sources: { [SOURCE]: { kind: 'flightsql', uri: `grpc://${address}` } } })
const client = new GatewayClient(gateway.address)

let statements = 0
/** Statements with texts of their own: identical reads of a batch would run once. */
const newStatements = () => Array.from({ length: STATEMENTS }, () => `SELECT /* ${++statements} */ batches 0`)

const json = async (path: string, body: object): Promise<unknown> =>
  JSON.parse(await textOf(await post(gateway.httpAddress, path, body)))

const ways: Readonly<Record<string, () => Promise<unknown>>> = {
  'gRPC, one by one': async () => {
    for (const query of newStatements()) await client.execute(query, SOURCE)
  },
  'gRPC, batch': () => client.executeBatch(newStatements(), SOURCE, CONCURRENCY),
  'HTTP, one by one': async () => {
    for (const query of newStatements()) await json('/api/v1/query', { query, data_source: SOURCE })
  },
  'HTTP, batch': async () => {
    const queries = newStatements().map((query, i) => ({ id: `s${i}`, query, data_source: SOURCE }))
    const { summary } = (await json('/api/v1/batch', { queries, options: { max_concurrency: CONCURRENCY } })) as {
      readonly summary: { readonly succeeded: number }
    }
    if (summary.succeeded !== STATEMENTS) throw new Error(JSON.stringify(summary))
  },
}

const samples: Record<string, number[]> = {}
for (const [way, work] of Object.entries(ways)) {
  await work()
  samples[way] = []
}
for (let round = 0; round < ROUNDS; round++)
  for (const [way, work] of Object.entries(ways)) {
    const startedAt = performance.now()
    await work()
    samples[way]!.push(performance.now() - startedAt)
  }
client.close()
for (const server of [gateway, upstream]) await server.stop()

const ms = (way: string) => median(samples[way]!)
const medians = Object.fromEntries(
  Object.keys(ways).map((way) => [
    way,
    { ms: Math.round(ms(way)), msPerStatement: Number((ms(way) / STATEMENTS).toFixed(1)) },
  ]),
)
const ratios = Object.fromEntries(
  ['gRPC', 'HTTP'].map((face) => [
    `${face}, one by one to batch, time`,
    Number((ms(`${face}, one by one`) / ms(`${face}, batch`)).toFixed(2)),
  ]),
)
console.log(`${STATEMENTS} statements at ${LATENCY_MS} ms, ${CONCURRENCY} at a time in a batch, medians of ${ROUNDS}`)
console.table(medians)
console.table(ratios)
if (ROUNDS >= 5)
  writeResults('batch', { [`${STATEMENTS} statements, ${LATENCY_MS} ms away`]: { rounds: ROUNDS, medians, ratios } })
process.exit(0)
