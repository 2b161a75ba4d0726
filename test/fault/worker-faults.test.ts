import { readFileSync, writeFileSync } from 'node:fs'
import { connect as tls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { linesOf } from '../e2e/http-client.ts'
import { CertificateAuthority } from '../fakes/certificate.ts'

const LONG = 'SELECT range AS a, md5(range::VARCHAR) AS b FROM range(300000)'
const ENDLESS = 'SELECT range AS a, md5(range::VARCHAR) AS b FROM range(100000000000)'
const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1))

let gateway: GatewayProcess
afterEach(() => gateway.signal('SIGKILL'))

async function start(config: object = {}, env: NodeJS.ProcessEnv = {}): Promise<readonly number[]> {
  gateway = await GatewayProcess.start({ workers: 2, cache: { maxBytes: 0 }, ...config }, env)
  const { pids } = (await gateway.line(({ event }) => event === 'ready')) as { pids: Record<string, number> }
  return Object.values(pids)
}

/** Runs a statement on a connection of its own. */
async function query(): Promise<number> {
  const stub = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
  const info = await stub.info('SELECT 1 AS a')
  const { code } = await stub.call('DoGet', [ticketOf(info)])
  stub.close()
  return code
}

/** Begins to read a result of the HTTP API. */
async function beginReading(query: string): Promise<{ rest(): Promise<number> }> {
  const response = await fetch(`http://${gateway.http}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/x-ndjson' },
    body: JSON.stringify({ query }),
  })
  expect(response.status).toBe(200)
  return { rest: async () => (await linesOf(response)).length }
}

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('faults of workers', () => {
  it('a stopped worker: new connections go to the other; it is killed, and what it had not accepted is served', async () => {
    // The other worker, and the next one while it starts, must never be silent for so long.
    const pids = await start({ limits: { workerStallTimeoutMs: 8000 } })
    process.kill(pids[0]!, 'SIGSTOP')
    const codes = await Promise.all(Array.from({ length: 12 }, query))
    expect(codes).toEqual(Array(12).fill(0))
    await gateway.line(({ worker, msg }) => worker === 1 && String(msg).includes('workerStallTimeoutMs'))
    await gateway.line(({ msg }) => msg === 'worker 1 serves again')
    expect(await gateway.metric('flightgate_worker_restarts_total', { reason: 'stall' })).toBe(1)
    expect(await gateway.stop()).toBe(0)
  })

  it('SIGTERM to all processes at once, as a service manager sends it: running results end, one stop line', async () => {
    const pids = await start()
    const readings = await Promise.all(Array.from({ length: 4 }, () => beginReading(LONG)))
    for (const pid of pids) process.kill(pid, 'SIGTERM')
    gateway.signal('SIGTERM')
    for (const pid of pids) process.kill(pid, 'SIGINT')
    await gateway.line(({ event }) => event === 'drain')
    for (const { rest } of readings) expect(await rest()).toBe(300_000)
    expect(await gateway.exited).toBe(0)
    await gateway.line(({ event }) => event === 'stop')
    expect(gateway.lines.filter(({ event }) => event === 'drain' || event === 'stop')).toHaveLength(2)
    expect(pids.filter(isRunning)).toEqual([])
  })

  it('a result that outlasts drain.graceMs is cut off: exit code 3; a second signal ends at once with 143', async () => {
    await start({ drain: { notReadyMs: 0, graceMs: 100 } })
    // A response that nothing holds is collected with the garbage, and its client leaves.
    const { rest } = await beginReading(ENDLESS)
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(3)
    await expect(rest()).rejects.toThrow()
    const pids = await start({ drain: { notReadyMs: 60_000 } })
    await beginReading(ENDLESS)
    gateway.signal('SIGTERM')
    await gateway.line(({ event }) => event === 'drain')
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(143)
    expect(pids.filter(isRunning)).toEqual([])
  })

  it('the primary process is killed: its workers end', async () => {
    const pids = await start()
    await beginReading(ENDLESS)
    gateway.signal('SIGKILL')
    await expect.poll(() => pids.filter(isRunning)).toEqual([])
  })

  it('workers that end again and again: the gateway ends with the reason', async () => {
    const pids = await start()
    const seen = new Set(pids)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    while (!gateway.lines.some(({ level }) => level === 'fatal')) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      for (const { event, pid, msg } of gateway.lines) {
        if (event !== 'worker' || !String(msg).endsWith('serves again') || seen.has(pid as number)) continue
        seen.add(pid as number)
        process.kill(pid as number, 'SIGKILL')
      }
    }
    expect(await gateway.exited).toBe(1)
    expect(gateway.lines.filter(({ level }) => level === 'fatal')).toHaveLength(1)
  }, 120_000)

  it('a port in use, or a source that only one process may open: the start fails with the reason', async () => {
    await start({ listen: { flight: '127.0.0.1:0', http: '[::1]:0' } })
    const answers = await Promise.all(Array.from({ length: 4 }, () => fetch(`http://${gateway.http}/readyz`)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    await expect(
      GatewayProcess.start({ workers: 2, listen: { flight: gateway.flight, http: '127.0.0.1:0' } }),
    ).rejects.toThrow(/could not start: listen.flight \(127.0.0.1:\d+\): another process listens there already/)
    await expect(
      GatewayProcess.start({ workers: 2, sources: { demo: { kind: 'duckdb', writes: true } } }),
    ).rejects.toThrow(/sources.demo.writes: each worker has its own database in memory/)
  })

  it('a renewed certificate reaches each worker, and one that starts later', async () => {
    const authority = new CertificateAuthority()
    const files = authority.issue()
    const pids = await start({ tls: files })
    const shown = async () => {
      const socket = tls({
        port: portOf(gateway.flight),
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: ['h2'],
      })
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      const { fingerprint256 } = socket.getPeerCertificate()
      socket.destroy()
      return fingerprint256
    }
    const before = await shown()
    const next = authority.issue()
    writeFileSync(files.key, readFileSync(next.key))
    writeFileSync(files.cert, readFileSync(next.cert))
    const all = async () => new Set(await Promise.all(Array.from({ length: 6 }, shown)))
    await expect.poll(async () => (await all()).has(before)).toBe(false)
    process.kill(pids[0]!, 'SIGKILL')
    await gateway.line(({ msg }) => msg === 'worker 1 serves again')
    const now = await all()
    expect(now.size).toBe(1)
    expect(now.has(before)).toBe(false)
    authority.remove()
  })
})
