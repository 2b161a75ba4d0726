import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FlightBench } from '../flight-bench.ts'
import { flightCall, h2load } from '../h2load.ts'
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
} from '../server.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 5)
const GIB = 2 ** 30
const nginxCommand = '/usr/sbin/nginx'

/** Results by the number of their batches of 1 MiB; 0 is one row. */
const shapes = [
  { name: 'one row', batches: 0, calls: 5_000, atOnce: 1 },
  { name: 'one row, 16 at once', batches: 0, calls: 20_000, atOnce: 16 },
  { name: '16 MiB', batches: 16, calls: 100, atOnce: 1 },
] as const

/**
 * Latency and throughput of a hit beside the miss (the same gateway without a cache, in front of the same Flight server), a hit in
 * Redis, and nginx, which serves the same bytes as a static file over HTTP/2. h2load is the client of all of them.
 */
export async function latency(): Promise<Record<string, object>> {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-bench-'))
  const upstream = await startServer(python, [join(root, 'bench/python/relay_upstream.py')], /listening (\S+)/)
  const source = { kind: 'flightsql', uri: `grpc://${upstream.address}` }
  const hits = await startGateway({ cache: {}, sources: { up: source } })
  const misses = await startGateway({ sources: { up: source } })
  const redisPort = await freePort()
  const redis = spawnMeasured(
    join(root, '.cache/python/bin/redis-server'),
    ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--loglevel', 'warning'],
    `127.0.0.1:${redisPort}`,
  )
  await reachable(redisPort)
  const shared = { redis: { url: `redis://127.0.0.1:${redisPort}` }, sources: { up: source } }
  // One replica fills Redis; the other one has no memory for results, so that each hit comes from there.
  const writer = await startGateway({ ...shared, cache: {} })
  const reader = await startGateway({ ...shared, cache: { maxBytes: 1 } })

  const nginx = await startNginx(folder)

  interface Participant {
    readonly server: MeasuredServer
    /** Arguments of h2load for the result with so many batches. */
    args(batches: number): Promise<string[]>
  }

  const flightArgs = (server: MeasuredServer) => async (batches: number) => {
    const client = new FlightBench(server.address)
    const file = join(folder, `ticket-${server.pid}-${batches}`)
    writeFileSync(file, await client.requestOf(`SELECT batches ${batches}`))
    client.close()
    return flightCall(server.address, 'DoGet', file)
  }
  const participants: Record<string, Participant> = {
    hit: { server: hits, args: flightArgs(hits) },
    'hit in Redis': { server: reader, args: flightArgs(reader) },
    miss: { server: misses, args: flightArgs(misses) },
    ...(nginx && {
      'nginx, static file': { server: nginx, args: async (batches) => [`http://${nginx.address}/${batches}`] },
    }),
  }

  const results: Record<string, object> = {}
  for (const { name, batches, calls, atOnce } of shapes) {
    const client = new FlightBench(hits.address)
    // The second answer comes from the cache; nginx serves its bytes.
    await client.read(`SELECT batches ${batches}`)
    const { body, status } = await client.read(`SELECT batches ${batches}`)
    if (status !== 'HIT') throw new Error(`the second read of ${batches} batches was a ${status}`)
    writeFileSync(join(folder, String(batches)), body)
    client.close()
    await fillRedis(`SELECT batches ${batches}`)

    const samples: Record<string, Record<'p50' | 'p99' | 'rate' | 'perSecond' | 'user' | 'system', number[]>> = {}
    for (let round = -1; round < ROUNDS; round++)
      for (const [who, { server, args }] of Object.entries(participants)) {
        const asked = await args(batches)
        const before = server.cpuTimes()
        const { p50Ms, p99Ms, seconds, bytes } = h2load(asked, {
          calls: round < 0 ? Math.ceil(calls / 4) : calls,
          connections: 1,
          atOnce,
          folder,
        })
        if (round < 0) continue
        const after = server.cpuTimes()
        samples[who] ??= { p50: [], p99: [], rate: [], perSecond: [], user: [], system: [] }
        const each = samples[who]
        const per = (seconds: number) => (batches > 0 ? seconds / (bytes / GIB) : (seconds / calls) * 1e6)
        each.p50.push(p50Ms)
        each.p99.push(p99Ms)
        each.rate.push(bytes / 1e6 / seconds)
        each.perSecond.push(calls / seconds)
        each.user.push(per(after.userSeconds - before.userSeconds))
        each.system.push(per(after.systemSeconds - before.systemSeconds))
      }
    const medians = Object.fromEntries(
      Object.entries(samples).map(([who, { p50, p99, rate, perSecond, user, system }]) => [
        who,
        {
          p50Ms: Number(median(p50).toFixed(3)),
          p99Ms: Number(median(p99).toFixed(3)),
          ...(batches > 0
            ? {
                megabytesPerSecond: Math.round(median(rate)),
                userSecondsPerGiB: Number(median(user).toFixed(2)),
                systemSecondsPerGiB: Number(median(system).toFixed(2)),
              }
            : {
                callsPerSecond: Math.round(median(perSecond)),
                userMicrosecondsPerCall: Math.round(median(user)),
                systemMicrosecondsPerCall: Math.round(median(system)),
              }),
        },
      ]),
    )
    const ratioTo = (who: string) => {
      const other = samples[who]
      if (!other) return {}
      const what = batches > 0 ? 'rate' : 'perSecond'
      return {
        [`hit to ${who}, ${batches > 0 ? 'MB/s' : 'calls/s'}`]: median(samples['hit']![what]) / median(other[what]),
        [`hit to ${who}, p50`]: median(samples['hit']!.p50) / median(other.p50),
      }
    }
    const ratios = { ...ratioTo('miss'), ...ratioTo('hit in Redis'), ...ratioTo('nginx, static file') }
    results[name] = { rounds: ROUNDS, calls, medians, ratios: rounded(ratios) }
    console.log(`\n${name}, medians of ${ROUNDS} x ${calls} calls`)
    console.table(medians)
    console.table(rounded(ratios))
  }
  for (const server of [hits, misses, writer, reader, redis, upstream, ...(nginx ? [nginx] : [])]) await server.stop()
  return results

  /** Reads a statement at one replica until the other one has its rows from Redis. */
  async function fillRedis(sql: string): Promise<void> {
    const clients = [new FlightBench(writer.address), new FlightBench(reader.address)] as const
    for (let tries = 0; ; tries++) {
      await clients[0].read(sql)
      const { status } = await clients[1].read(sql)
      if (status === 'HIT') break
      if (tries === 50) throw new Error(`Redis has no rows of ${sql}: ${status}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    for (const client of clients) client.close()
  }
}

async function startNginx(folder: string): Promise<MeasuredServer | undefined> {
  if (!existsSync(nginxCommand)) {
    console.log(`nginx is not installed (${nginxCommand}): left out`)
    return undefined
  }
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  const places = ['client_body_temp_path', 'proxy_temp_path', 'fastcgi_temp_path', 'uwsgi_temp_path', 'scgi_temp_path']
  writeFileSync(
    file,
    `user root; daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr; events { worker_connections 256; }
http { access_log off; sendfile off; tcp_nodelay on; output_buffers 2 512k; open_file_cache max=10; keepalive_requests 10000000; http2_chunk_size 128k;
${places.map((place) => `${place} ${folder}/${place};`).join(' ')}
server { listen 127.0.0.1:${port} http2; root ${folder}; } }`,
  )
  const server = spawnMeasured(nginxCommand, ['-c', file], `127.0.0.1:${port}`)
  await reachable(port)
  return server
}

function rounded(ratios: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, Number(value.toFixed(2))]))
}
