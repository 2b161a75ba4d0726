import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endWithTests } from '../../e2e/end-with-tests.ts'
import { freePort, reachable, stop } from '../servers.ts'

const binary = '/usr/sbin/haproxy'

/** A gateway behind the proxy. */
export interface ProxiedGateway {
  /** `host:port` of the Flight port. */
  readonly flight: string
  /** `host:port` of the HTTP port. */
  readonly http: string
}

/** Whether HAProxy is installed; prints a note if not, and fails in CI. */
export function hasHaproxy(): boolean {
  if (existsSync(binary)) return true
  if (process.env['CI'] === 'true') throw new Error('haproxy is missing: .ci/run installs it')
  process.stderr.write('skipped: haproxy is missing (.ci/run installs it)\n')
  return false
}

/** HAProxy in front of gateways, with the configuration of docs/reverse-proxies.md, on free ports. */
export class Haproxy {
  /** `host:port` for gRPC clients. */
  readonly flight: string
  /** `host:port` for HTTP clients. */
  readonly http: string
  /** Ends the process. */
  readonly stop: () => Promise<void>

  private constructor(flight: string, http: string, end: () => Promise<void>) {
    this.flight = flight
    this.http = http
    this.stop = end
  }

  static async start(gateways: readonly ProxiedGateway[]): Promise<Haproxy> {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-haproxy-'))
    const [flightPort, httpPort] = [await freePort(), await freePort()]
    const file = join(folder, 'haproxy.cfg')
    writeFileSync(file, configuration(flightPort, httpPort, gateways))
    const child = spawn(binary, ['-db', '-q', '-f', file], { stdio: 'inherit' })
    endWithTests(child)
    await Promise.all([reachable(flightPort), reachable(httpPort)])
    return new Haproxy(`127.0.0.1:${flightPort}`, `127.0.0.1:${httpPort}`, async () => {
      await stop(child)
      rmSync(folder, { recursive: true })
    })
  }

  get uri(): string {
    return `grpc://${this.flight}`
  }
}

/** The configuration of the page, with the addresses of a test and without TLS. */
function configuration(flightPort: number, httpPort: number, gateways: readonly ProxiedGateway[]): string {
  const page = readFileSync(new URL('../../../docs/reverse-proxies.md', import.meta.url), 'utf8')
  const block = /```haproxy\n([\s\S]*?)```/.exec(page)![1]!
  const servers = { flight: [] as string[], http: [] as string[] }
  for (const [index, { flight, http }] of gateways.entries()) {
    servers.flight.push(`  server r${index} ${flight} port ${http.slice(http.lastIndexOf(':') + 1)} check-proto h1`)
    servers.http.push(`  server r${index} ${http}`)
  }
  const lines = block
    .replace(/bind :443 [^\n]*/, `bind 127.0.0.1:${flightPort} proto h2`)
    .replace(/bind :8443 [^\n]*/, `bind 127.0.0.1:${httpPort}`)
    // Tests wait for replicas that leave or come back, and a check of one that is only busy must not fail.
    .replace(/inter \S+/g, 'inter 100ms')
    .replace(/timeout check \S+/, 'timeout check 30s')
    .split('\n')
  const isServer = (line: string) => /^ +server /.test(line)
  const out: string[] = []
  let list: 'flight' | 'http' = 'flight'
  for (const [index, line] of lines.entries()) {
    if (/^backend \S*http/.test(line)) list = 'http'
    if (!isServer(line)) out.push(line)
    else if (!isServer(lines[index - 1] ?? '')) out.push(...servers[list])
  }
  return out.join('\n')
}
