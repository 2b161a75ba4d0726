import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { waitFor } from '../wait-for.ts'
import { endWithTests } from './end-with-tests.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = join(root, 'src', 'main.ts')
/**
 * Where Node keeps the sources without their types, as `npm start` does. Without it each thread loads the code that strips
 * them: 16 MiB a thread, and time at each start.
 */
const compileCache = join(root, '.cache', 'compile')

/** Longest wait for the output of a process that has ended, in milliseconds. */
const MAX_PIPES_MS = 10_000
/** Time to drain, after which `stop` kills the process, in milliseconds: it only ends a test that hangs. */
const MAX_STOP_MS = 30_000

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** A gateway in its own process, on free ports. */
export class GatewayProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  #configuration: object = {}
  readonly lines: LogLine[] = []
  /** Output that is not JSON, such as a crash. */
  readonly noise: string[] = []
  /** Settles when the process has ended and its output has been read. */
  readonly exited: Promise<number>
  /** The signal that ended the process, if one did. */
  endedBy: NodeJS.Signals | null = null
  flight = ''
  http = ''

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    this.exited = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        this.endedBy = signal
        if (signal) this.noise.push(`ended by ${signal}`)
        const end = () => resolve(code ?? 255)
        // Its last lines may still be in the pipes, which workers that it leaves behind hold open for a time.
        child.once('close', end)
        setTimeout(end, MAX_PIPES_MS).unref()
      }),
    )
    for (const stream of [child.stdout!, child.stderr!])
      createInterface(stream).on('line', (line) => {
        try {
          this.lines.push(JSON.parse(line))
        } catch {
          this.noise.push(line)
        }
      })
  }

  /**
   * Starts a gateway with this configuration and waits until it is ready.
   * @param launcher a command that executes the command after it
   */
  static async start(
    config: object = {},
    env: NodeJS.ProcessEnv = {},
    launcher: readonly string[] = [],
  ): Promise<GatewayProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-e2e-'))
    const listen = { flight: '127.0.0.1:0', http: '127.0.0.1:0' }
    // No load balancer watches readiness, so skip the drain delay.
    const drain = { notReadyMs: 0 }
    // Health checks would disturb tests that count the calls of servers.
    const health = { intervalMs: 0 }
    const whole = { listen, drain, health, sources: { demo: { kind: 'duckdb' } }, ...config }
    const file = join(folder, 'config.yaml')
    writeFileSync(file, stringify(whole))
    const gateway = await GatewayProcess.#spawn(folder, ['--config', file], env, launcher)
    gateway.#configuration = whole
    return gateway
  }

  /** Starts a gateway configured by its environment alone. */
  static async startWithoutFile(env: NodeJS.ProcessEnv): Promise<GatewayProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-e2e-'))
    return await GatewayProcess.#spawn(folder, [], { FLIGHT_PORT: '0', PORT: '0', ...env })
  }

  static async #spawn(
    folder: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    launcher: readonly string[] = [],
  ): Promise<GatewayProcess> {
    const [command, ...rest] = [...launcher, process.execPath, main, 'serve', ...args]
    const child = spawn(command!, rest, {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_COMPILE_CACHE: compileCache, ...env },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    endWithTests(child)
    const gateway = new GatewayProcess(child, folder)
    const ready = gateway.line(({ event }) => event === 'ready')
    const ended = gateway.exited.then((code) => {
      throw new Error(`the gateway ended with ${code}: ${gateway.noise.join('\n')} ${JSON.stringify(gateway.lines)}`)
    })
    const line = await Promise.race([ready, ended])
    ended.catch(() => {})
    gateway.flight = line['flight'] as string
    gateway.http = line['http'] as string
    return gateway
  }

  get pid(): number {
    return this.#child.pid!
  }

  get uri(): string {
    return `grpc://${this.flight}`
  }

  /** Replaces sections of the configuration file, or its whole text. */
  configure(sections: object | string): void {
    if (typeof sections !== 'string') this.#configuration = { ...this.#configuration, ...sections }
    const text = typeof sections === 'string' ? sections : stringify(this.#configuration)
    writeFileSync(join(this.#folder, 'config.yaml'), text)
  }

  /** Replaces sections of the configuration file, reloads it by SIGHUP, and returns the log line of the reload. */
  async reload(sections: object | string = {}): Promise<LogLine> {
    this.configure(sections)
    const before = this.#reloadLines.length
    this.signal('SIGHUP')
    return await waitFor(() => this.#reloadLines[before], 'the log line of the reload', 30_000)
  }

  get #reloadLines(): LogLine[] {
    return this.lines.filter(({ event }) => event === 'reload')
  }

  /** The first matching line; waits for it if necessary. */
  async line(matches: (line: LogLine) => boolean, withinMs = 30_000): Promise<LogLine> {
    return await waitFor(() => this.lines.find(matches), `a log line that fulfils ${matches}`, withinMs)
  }

  /** Sum of a metric over the series whose labels contain all of `labels`. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await this.metrics())(name, labels)
  }

  /** A snapshot of all metrics; the returned function works like `metric`. */
  async metrics(): Promise<(name: string, labels?: Readonly<Record<string, string>>) => number> {
    const text = await (await fetch(`http://${this.http}/metrics`)).text()
    return (name, labels = {}) => sumOf(text, name, labels)
  }
  /** Current and peak memory, in bytes. */
  memory(): { readonly rssBytes: number; readonly peakRssBytes: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const kilobytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1])
    return { rssBytes: kilobytes('VmRSS') * 1024, peakRssBytes: kilobytes('VmHWM') * 1024 }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Stops the gateway; returns its exit code. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), MAX_STOP_MS)
    const code = await this.exited
    clearTimeout(force)
    rmSync(this.#folder, { recursive: true, force: true })
    return code
  }
}

function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  let sum = 0
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{([^}]*)\})? (\S+)$/.exec(line)
    if (match?.[1] !== name) continue
    if (Object.entries(labels).every(([key, value]) => match[2]?.includes(`${key}="${value}"`))) sum += Number(match[3])
  }
  return sum
}
