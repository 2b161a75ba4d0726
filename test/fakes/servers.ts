import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { waitFor } from '../wait-for.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sqliteServer = `${root}.cache/bin/sqlite_flightsql_server`

/** Whether the Go servers are installed; prints a note if not, and fails in CI. */
export function hasGoServers(): boolean {
  if (existsSync(sqliteServer)) return true
  if (process.env['CI'] === 'true') throw new Error('the Go servers are missing: run npm test')
  process.stderr.write('skipped: the Go servers are missing (npm test installs them where Go is)\n')
  return false
}

/** The statistics of the Dremio look-alike. */
export interface DremioStats {
  readonly handshakes: number
  readonly logins: number
  readonly rejected_logins: number
  readonly sessions_created: number
  readonly executions: number
  readonly streams_open: number
  readonly streams_cancelled: number
  readonly slow_readers: number
  readonly recent: readonly { readonly sql: string; readonly user: string; readonly state: string }[]
  readonly sessions: readonly { readonly user: string; readonly properties: Readonly<Record<string, string>> }[]
}

/** The Dremio look-alike in its own process. */
export class DremioLookalike {
  readonly #child: ChildProcess
  readonly #control: string
  readonly uri: string

  private constructor(child: ChildProcess, uri: string, control: string) {
    this.#child = child
    this.uri = uri
    this.#control = control
  }

  static async start(...args: readonly string[]): Promise<DremioLookalike> {
    const script = `${root}test/fakes/dremio_lookalike.py`
    const child = spawn(`${root}.cache/python/bin/python`, [script, '--port', '0', '--control-port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    endWithTests(child)
    const [line] = (await once(child.stdout!, 'data')) as [Buffer]
    const { flight, control } = JSON.parse(line.toString()) as { flight: string; control: string }
    return new DremioLookalike(child, flight, control)
  }

  async stats(): Promise<DremioStats> {
    return (await (await fetch(`${this.#control}/stats`)).json()) as DremioStats
  }

  async control(name: string, body: object = {}): Promise<void> {
    await fetch(`${this.#control}/${name}`, { method: 'POST', body: JSON.stringify(body) })
  }

  async stop(): Promise<void> {
    await stop(this.#child)
  }
}

/** arrow-go's sqlite Flight SQL server in its own process. */
export async function startSqliteServer(): Promise<{ readonly uri: string; stop(): Promise<void> }> {
  const port = await freePort()
  const child = spawn(sqliteServer, ['-host', '127.0.0.1', '-port', String(port)], { stdio: 'ignore' })
  endWithTests(child)
  await reachable(port)
  return { uri: `grpc://127.0.0.1:${port}`, stop: () => stop(child) }
}

/** Ends a server's process, and waits for its exit. */
export async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

/**
 * Ports below those that the system chooses itself, for listeners on port 0 and for clients; so are those 10,000 above, which a
 * node of a Redis cluster takes too.
 */
const [FIRST_PORT, PORTS] = [10_000, 12_000]

/** A currently free port of 127.0.0.1, which no process gets that leaves the choice to the system. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    probe.close()
    if (isFree) return port
  }
}

/** Waits until a server listens on a port of 127.0.0.1. */
export async function reachable(port: number): Promise<void> {
  const connects = async () => {
    const socket = connect(port, '127.0.0.1')
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    return connected
  }
  await waitFor(connects, `something listens on port ${port}`)
}
