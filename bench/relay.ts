// Batches of 1 MiB from a Flight server to pyarrow: direct, through the gateway, nginx, HAProxy and a relay in grpc-go.
// Rounds are interleaved; medians and ratios are reported. Then the latency of a query of one row, direct and through.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  freePort,
  type MeasuredServer,
  median,
  python,
  reachable,
  root,
  spawnMeasured,
  startGateway,
  startServer,
  tool,
  writeResults,
} from './support/server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 7)
const BATCHES = 1024
const SMALL_QUERIES = 1000
const WARM_UP_QUERIES = 10_000
const GIB = 2 ** 30
const WINDOW_BYTES = 8 << 20
const folder = mkdtempSync(join(tmpdir(), 'flightgate-bench-'))

const run = (script: string, ...args: string[]) =>
  JSON.parse(execFileSync(python, [join(root, script), ...args], { encoding: 'utf8', timeout: 300_000 }).trim())

const upstream = await startServer(python, [join(root, 'bench/python/relay_upstream.py')], /listening (\S+)/)
const gateway = await startGateway({ sources: { up: { kind: 'flightsql', uri: `grpc://${upstream.address}` } } })
const paths: Record<string, { readonly address: string; readonly server?: MeasuredServer }> = {
  direct: { address: upstream.address },
  gateway: { address: gateway.address, server: gateway },
}

/** Starts a proxy on a given port; skipped with a message if it is not installed. */
async function addProxy(
  name: string,
  command: string,
  args: (port: number) => string[],
  env: (port: number) => object = () => ({}),
) {
  if (!existsSync(command)) {
    console.log(`${name} is not installed (${command}): left out`)
    return
  }
  const port = await freePort()
  const server = spawnMeasured(command, args(port), `127.0.0.1:${port}`, env(port))
  await reachable(port)
  paths[name] = { address: server.address, server }
}

await addProxy('nginx', '/usr/sbin/nginx', (port) => {
  const file = join(folder, 'nginx.conf')
  const places = ['client_body_temp_path', 'proxy_temp_path', 'fastcgi_temp_path', 'uwsgi_temp_path', 'scgi_temp_path']
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr; events { worker_connections 256; }
http { access_log off; ${places.map((place) => `${place} ${folder}/${place};`).join(' ')}
server { listen 127.0.0.1:${port} http2; location / { grpc_pass grpc://${upstream.address}; grpc_buffer_size 256k; grpc_read_timeout 600s; } } }`,
  )
  return ['-c', file]
})
await addProxy('HAProxy', '/usr/sbin/haproxy', (port) => {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
  tune.bufsize 65536
  tune.h2.initial-window-size ${WINDOW_BYTES}
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
frontend f
  bind 127.0.0.1:${port} proto h2
  default_backend b
backend b
  server s ${upstream.address} proto h2
`,
  )
  return ['-f', file]
})
await addProxy(
  'grpc-go relay',
  tool('grpc_relay'),
  () => [],
  (port) => ({ LISTEN: `127.0.0.1:${port}`, UPSTREAM: upstream.address }),
)

interface Read {
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
}

const read = (address: string): Read =>
  run('bench/python/read.py', 'flight', `grpc://${address}`, `SELECT batches ${BATCHES}`)
for (let i = 0; i < 2; i++) for (const { address } of Object.values(paths)) read(address)
const samples: Record<string, { megabytesPerSecond: number[]; cpuSecondsPerGiB: number[] }> = {}
for (let round = 0; round < ROUNDS; round++)
  for (const [name, { address, server }] of Object.entries(paths)) {
    const before = server?.cpuSeconds() ?? 0
    const { rows, bytes, seconds } = read(address)
    if (rows !== BATCHES * 131_072) throw new Error(`${name} gave ${rows} rows`)
    samples[name] ??= { megabytesPerSecond: [], cpuSecondsPerGiB: [] }
    samples[name].megabytesPerSecond.push(bytes / 1e6 / seconds)
    if (server) samples[name].cpuSecondsPerGiB.push((server.cpuSeconds() - before) / (bytes / GIB))
  }
const medians = Object.fromEntries(
  Object.entries(samples).map(([name, { megabytesPerSecond, cpuSecondsPerGiB }]) => [
    name,
    {
      megabytesPerSecond: Math.round(median(megabytesPerSecond)),
      ...(cpuSecondsPerGiB.length > 0 && {
        cpuSecondsPerGiB: Number(median(cpuSecondsPerGiB).toFixed(2)),
        peakRssMegabytes: Math.round(paths[name]!.server!.peakRssBytes() / 1e6),
      }),
    },
  ]),
)
const ratioTo = (name: string) =>
  samples[name] && {
    [`gateway to ${name}, CPU`]: Number(
      (median(samples['gateway']!.cpuSecondsPerGiB) / median(samples[name].cpuSecondsPerGiB)).toFixed(2),
    ),
  }
const ratios = { ...ratioTo('nginx'), ...ratioTo('HAProxy'), ...ratioTo('grpc-go relay') }
console.log(`\n${BATCHES} batches of 1 MiB, medians of ${ROUNDS}`)
console.table(medians)
console.table(ratios)

// Warm up, as for long-running servers.
for (const name of ['gateway', 'grpc-go relay'].filter((each) => paths[each]))
  run('bench/python/latency.py', `grpc://${paths[name]!.address}`, 'SELECT batches 0', String(WARM_UP_QUERIES))
const latencies: Record<string, { p50Ms: number[]; p99Ms: number[] }> = {}
for (let round = 0; round < ROUNDS; round++)
  for (const name of ['direct', 'gateway', 'grpc-go relay'].filter((each) => paths[each])) {
    const { p50Ms, p99Ms } = run(
      'bench/python/latency.py',
      `grpc://${paths[name]!.address}`,
      'SELECT batches 0',
      String(SMALL_QUERIES),
    )
    latencies[name] ??= { p50Ms: [], p99Ms: [] }
    latencies[name].p50Ms.push(p50Ms)
    latencies[name].p99Ms.push(p99Ms)
  }
const latencyMedians = Object.fromEntries(
  Object.entries(latencies).map(([name, { p50Ms, p99Ms }]) => [
    name,
    { p50Ms: Number(median(p50Ms).toFixed(3)), p99Ms: Number(median(p99Ms).toFixed(3)) },
  ]),
)
const [direct, through] = [latencyMedians['direct']!, latencyMedians['gateway']!]
const latencyRatios = {
  'gateway to direct, p50': Number((through.p50Ms / direct.p50Ms).toFixed(2)),
  'gateway to direct, p99': Number((through.p99Ms / direct.p99Ms).toFixed(2)),
}
console.log(`\na query of one row, info and rows, medians of ${ROUNDS} x ${SMALL_QUERIES}`)
console.table(latencyMedians)
console.table(latencyRatios)
for (const { server } of Object.values(paths)) await server?.stop()
await upstream.stop()
writeResults('relay', {
  'batches of 1 MiB': { rounds: ROUNDS, batches: BATCHES, medians, ratios },
  'a query of one row': { rounds: ROUNDS, queries: SMALL_QUERIES, medians: latencyMedians, ratios: latencyRatios },
})
