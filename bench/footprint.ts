// The footprint of the gateway without calls: time until it is ready, memory, and memory for each idle client. Without sample
// data, with the embedded DuckDB; next to it a gateway that only relays, which loads no DuckDB, and the same Node without a program.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { MeasuredServer, median, startGateway, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const CLIENTS = 1000
const SETTLE_MS = 3000
const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS))

async function connectClients(address: string): Promise<ClientHttp2Session[]> {
  const sessions: ClientHttp2Session[] = []
  for (let i = 0; i < CLIENTS; i++) {
    const session = connect(`http://${address}`)
    sessions.push(session)
    await once(session, 'remoteSettings')
  }
  return sessions
}

const samples = {
  readyMs: [] as number[],
  idle: [] as number[],
  perClient: [] as number[],
  relay: [] as number[],
  node: [] as number[],
}
for (let round = 0; round < ROUNDS; round++) {
  const startedAt = performance.now()
  const gateway = await startGateway({
    sources: { demo: { kind: 'duckdb' } },
    limits: { maxConnections: CLIENTS + 10 },
  })
  samples.readyMs.push(performance.now() - startedAt)
  await settle()
  const idle = gateway.rssBytes()
  const sessions = await connectClients(gateway.address)
  await settle()
  samples.idle.push(idle)
  samples.perClient.push((gateway.rssBytes() - idle) / CLIENTS)
  for (const session of sessions) session.destroy()
  await gateway.stop()

  // The server may be missing: a source connects in the background.
  const relay = await startGateway({ sources: { up: { kind: 'flightsql', uri: 'grpc://127.0.0.1:1' } } })
  await settle()
  samples.relay.push(relay.rssBytes())
  await relay.stop()

  const bare = new MeasuredServer(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']), '')
  await settle()
  samples.node.push(bare.rssBytes())
  await bare.stop()
}
const megabytes = (bytes: number) => Math.round(bytes / 1e6)
const medians = {
  gateway: {
    readyMs: Math.round(median(samples.readyMs)),
    idleRssMegabytes: megabytes(median(samples.idle)),
    kilobytesPerClient: Math.round(median(samples.perClient) / 1e3),
  },
  'gateway, flightsql only': { idleRssMegabytes: megabytes(median(samples.relay)) },
  'node alone': { idleRssMegabytes: megabytes(median(samples.node)) },
}
const ratios = {
  'gateway to node alone, idle RSS': Number((median(samples.idle) / median(samples.node)).toFixed(2)),
}
console.table(medians)
console.table(ratios)
writeResults('footprint', { idle: { rounds: ROUNDS, clients: CLIENTS, medians, ratios } })
