import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../../e2e/end-with-tests.ts'
import { waitFor } from '../../wait-for.ts'

const binary = fileURLToPath(new URL('../../../.cache/python/bin/redis-server', import.meta.url))

/** A Redis server in its own process, on a free port. It keeps its data over a restart. */
export class RedisServer {
  readonly port: number
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), 'flightgate-redis-')))
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts the server again after `stop`. */
  async restart(): Promise<void> {
    const settings = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.#folder,
      '--save',
      '',
      '--appendonly',
      'yes',
    ]
    this.#child = spawn(binary, [...settings, '--appendfsync', 'always'], { stdio: 'ignore' })
    endWithTests(this.#child)
    await waitFor(() => answers(this.port), 'Redis to answer', 10_000)
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
    const socket = connect(this.port, '127.0.0.1')
    socket.write('FLUSHALL\r\n')
    await once(socket, 'data')
    socket.destroy()
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
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
