import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../../e2e/end-with-tests.ts'
import { waitFor } from '../../wait-for.ts'
import { freePort } from '../servers.ts'

const binary = fileURLToPath(new URL('../../../.cache/python/bin/redis-server', import.meta.url))

/** A Redis server in its own process, on a free port. It keeps its data over a restart. */
export class RedisServer {
  readonly port: number
  readonly #folder: string
  readonly #more: readonly string[]
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string, more: readonly string[]) {
    this.port = port
    this.#folder = folder
    this.#more = more
  }

  /** @param more options of the server, such as `--replicaof` */
  static async start(...more: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'flightgate-redis-')), more)
    await server.restart()
    return server
  }

  /** Starts a sentinel that watches a primary by the name `main`. */
  static async startSentinel(primaryPort: number, quorum: number): Promise<RedisServer> {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-redis-'))
    const file = join(folder, 'sentinel.conf')
    const watch = `sentinel monitor main 127.0.0.1 ${primaryPort} ${quorum}
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 4000
`
    writeFileSync(file, watch)
    const server = new RedisServer(await freePort(), folder, [file, '--sentinel'])
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts the server again after `stop`. */
  async restart(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder]
    const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
    const isSentinel = this.#more.includes('--sentinel')
    const settings = isSentinel ? [...this.#more, ...own] : [...own, ...durable, ...this.#more]
    this.#child = spawn(binary, settings, { stdio: 'ignore' })
    endWithTests(this.#child)
    await waitFor(() => answers(this.port), 'Redis to answer')
  }

  /** Stops the server; SIGSTOP would leave its connections open. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }

  /** Loses all data, as a server without a file does that restarts. */
  async flush(): Promise<void> {
    await this.send('FLUSHALL')
  }

  /** Sends one command and returns its answer, if that comes in one piece, as it is. */
  async send(command: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1')
    socket.write(`${command}\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return answer.toString()
  }

  /** Makes the server hang, or go on. */
  pause(isPaused: boolean): void {
    this.#child?.kill(isPaused ? 'SIGSTOP' : 'SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function answers(port: number): Promise<boolean | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', (data) => resolve(data.toString().startsWith('+PONG') || undefined))
    socket.once('error', () => resolve(undefined))
    socket.once('close', () => resolve(undefined))
    socket.write('PING\r\n')
    socket.once('data', () => socket.destroy())
  })
}
