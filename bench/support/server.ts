import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { updatePage } from './page.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const python = join(root, '.cache', 'python', 'bin', 'python')
export const tool = (name: string) => join(root, '.cache', 'bin', name)

/** Other load on the machine: the load average of the last minute. */
const loadBefore = loadavg()[0]!

/** Clock ticks of /proc/PID/stat in a second. */
const TICKS_PER_SECOND = 100

/** A server under measurement. */
export class MeasuredServer {
  readonly #child: ChildProcess
  readonly address: string
  /** Where a gateway serves HTTP; empty for other servers. */
  readonly httpAddress: string

  constructor(child: ChildProcess, address: string, httpAddress = '') {
    this.#child = child
    this.address = address
    this.httpAddress = httpAddress
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** User and system time so far, in seconds. */
  cpuSeconds(): number {
    const { userSeconds, systemSeconds } = this.cpuTimes()
    return userSeconds + systemSeconds
  }

  /** CPU time so far. */
  cpuTimes(): { readonly userSeconds: number; readonly systemSeconds: number } {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return {
      userSeconds: Number(fields[11]) / TICKS_PER_SECOND,
      systemSeconds: Number(fields[12]) / TICKS_PER_SECOND,
    }
  }

  /** Peak memory so far, in bytes. */
  peakRssBytes(): number {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) * 1024
  }

  /** Current memory, in bytes. */
  rssBytes(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) * 1024
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await exited
  }
}

/** Starts a command and waits until a line of its output matches; group 1 is its address, group 2 that of HTTP. */
export async function startServer(
  command: string,
  args: readonly string[],
  pattern: RegExp,
  cwd: string = root,
  env: object = {},
): Promise<MeasuredServer> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  // A benchmark that fails must not leave its servers behind.
  process.once('exit', () => child.kill('SIGKILL'))
  let text = ''
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    const onText = (piece: Buffer) => {
      text += piece
      const match = pattern.exec(text)
      if (match) resolve(match)
    }
    child.stdout.on('data', onText)
    child.stderr.on('data', onText)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${text}`)))
  })
  return new MeasuredServer(child, match[1]!, match[2])
}

/** Starts a command that prints nothing when it is ready; see `reachable`. */
export function spawnMeasured(
  command: string,
  args: readonly string[],
  address: string,
  env: object = {},
): MeasuredServer {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  })
  process.once('exit', () => child.kill('SIGKILL'))
  return new MeasuredServer(child, address)
}

/** Waits until a server listens on a port of 127.0.0.1. */
export async function reachable(port: number): Promise<void> {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const socket = connect(port, '127.0.0.1')
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (connected) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nothing listens on port ${port}`)
}

const readyLine = /"flight":"([^"]+)","http":"([^"]+)"/

/** Starts the gateway with a configuration, without a cache unless it says so. @param tree root folder of its source code */
export async function startGateway(config: object, tree: string = root, env: object = {}): Promise<MeasuredServer> {
  const file = join(mkdtempSync(join(tmpdir(), 'flightgate-bench-')), 'config.yaml')
  const listen = { flight: '127.0.0.1:0', http: '127.0.0.1:0' }
  // No load balancer watches readiness, so skip the drain delay.
  const drain = { notReadyMs: 0 }
  // The benchmarks measure engines and the path to them. Older trees have no cache.
  const cache = existsSync(join(tree, 'src/config/sections/cache.ts')) ? { cache: { maxBytes: 0 } } : {}
  writeFileSync(file, stringify({ listen, drain, ...cache, ...config }))
  return await startServer(process.execPath, ['src/main.ts', 'serve', '--config', file], readyLine, tree, env)
}

/** The median. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Writes bench/results/NAME.json and its tables in docs/benchmarks.md. */
export function writeResults(name: string, results: object, conditions: object = {}): void {
  const machine = {
    ...conditions,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: cpus().length,
    loadAverageBefore: Number(loadBefore.toFixed(1)),
  }
  writeFileSync(join(root, 'bench', 'results', `${name}.json`), `${JSON.stringify({ machine, ...results }, null, 2)}\n`)
  updatePage()
}

/** A free port of 127.0.0.1, for servers that cannot choose one. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}
