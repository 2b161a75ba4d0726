// The cost of a connection to the Dremio look-alike: TCP, TLS, login and session, and a small call on it, compared with the same call
// on a pooled connection. Both run in one process, in turn; medians and ratios are reported.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configSchema } from '../src/config/schema.ts'
import { ConnectionPool } from '../src/sources/flightsql/pool/connection-pool.ts'
import { Connection } from '../src/sources/flightsql/protocol/connection.ts'
import { UpstreamFlight } from '../src/sources/flightsql/protocol/flight-sql-client.ts'
import { dremioProfile } from '../src/sources/flightsql/protocol/profiles/dremio.ts'
import type { FlightSqlConfig } from '../src/sources/flightsql/settings.ts'
import { median, python, startServer, writeResults } from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 7)
const COLD = 30
const POOLED = 300
const folder = mkdtempSync(join(tmpdir(), 'flightgate-bench-'))
const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
execFileSync(
  'openssl',
  [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert],
  ],
  { stdio: 'ignore' },
)
const server = await startServer(
  python,
  ['test/fakes/dremio_lookalike.py', '--port', '0', '--control-port', '0', '--scale', '0.001', '--tls', cert, key],
  /"flight": "grpc\S*:\/\/[^:]+:(\d+)"/,
)
const uri = `grpc+tls://127.0.0.1:${server.address}`
const source = { kind: 'dremio', uri, username: 'dremio', password: 'dremio123', pool: { min: 0 } }
const { lake } = configSchema.parse({ sources: { lake: source } }).sources
const config = { ...(lake as FlightSqlConfig), tls: { skipVerify: false, ca: readFileSync(cert) } }
const never = new AbortController().signal
const call = async (connection: Connection) => {
  await new UpstreamFlight(connection, { signal: never, deadlineAt: Date.now() + 10_000 }).query('SELECT 1')
}
const ignore = () => {}
const pool = new ConnectionPool(
  config.uri,
  config,
  dremioProfile,
  { onAcquire: ignore, onCreate: ignore, onDestroy: ignore, onRelease: ignore },
  call,
)

/** Milliseconds until the first call can be made, and for the call itself. */
async function cold(): Promise<{ overheadMs: number; callMs: number }> {
  const startedAt = performance.now()
  const connection = await Connection.open(config.uri, config, dremioProfile, never)
  // The first call opens the session.
  await call(connection)
  const readyAt = performance.now()
  await call(connection)
  const callMs = performance.now() - readyAt
  connection.close()
  return { overheadMs: readyAt - startedAt - callMs, callMs }
}

async function pooled(): Promise<{ overheadMs: number; callMs: number }> {
  const startedAt = performance.now()
  const lease = await pool.acquire(never)
  const readyAt = performance.now()
  await call(lease.connection)
  const endedAt = performance.now()
  lease.release('done')
  return { overheadMs: readyAt - startedAt, callMs: endedAt - readyAt }
}

const samples = { cold: [] as number[], pooled: [] as number[], call: [] as number[] }
await pooled()
for (let round = 0; round < ROUNDS; round++) {
  const one = { cold: [] as number[], pooled: [] as number[], call: [] as number[] }
  for (let i = 0; i < COLD; i++) one.cold.push((await cold()).overheadMs)
  for (let i = 0; i < POOLED; i++) {
    const { overheadMs, callMs } = await pooled()
    one.pooled.push(overheadMs)
    one.call.push(callMs)
  }
  samples.cold.push(median(one.cold))
  samples.pooled.push(median(one.pooled))
  samples.call.push(median(one.call))
}
await pool.close()
await server.stop()
const ms = (values: readonly number[]) => Number(median(values).toFixed(3))
const medians = {
  'new connection': { overheadMs: ms(samples.cold), callMs: ms(samples.call) },
  'pooled connection': { overheadMs: ms(samples.pooled), callMs: ms(samples.call) },
}
const ratios = {
  'new to pooled, overhead': Number((median(samples.cold) / median(samples.pooled)).toFixed(0)),
  'new to pooled, overhead and call': Number(
    ((median(samples.cold) + median(samples.call)) / (median(samples.pooled) + median(samples.call))).toFixed(1),
  ),
}
console.table(medians)
console.table(ratios)
writeResults('pool', { 'connection overhead': { rounds: ROUNDS, medians, ratios } })
