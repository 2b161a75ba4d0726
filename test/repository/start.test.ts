import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { type StartedServer, startCommand } from '../e2e/command.ts'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
/** A user's environment: the system's Node, not that of node_modules, and no variables of npm or the tests. */
const environment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH']!.split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter),
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => /^HOME$|_CERT|proxy$|^npm_config_/i.test(name))),
}

describe('npm start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flightgate-start-'))
  const config = join(folder, 'flightgate.yaml')
  writeFileSync(
    config,
    'listen: { flight: "127.0.0.1:0", http: "127.0.0.1:0" }\nsources: { demo: { kind: duckdb, sample: { tpch: 0.01 } } }\n',
  )
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The query command that the page tells users to paste. */
  const shellLineOf = (page: string) =>
    /```sh\n(.*query .*)\n```/.exec(readFileSync(join(root, page), 'utf8'))?.[1] ?? 'echo there is none'
  const start = (cwd = root) => startCommand('npm', ['start', '--', '--config', config], cwd, environment, true)
  const refuses = (server: StartedServer) =>
    fetch(`http://${server.http}/livez`).then(
      () => false,
      () => true,
    )

  it('forwards SIGTERM, and returns the server’s exit code', async () => {
    const server = await start()
    process.kill(server.pid, 'SIGTERM')
    expect(await server.exited).toBe(0)
    await expect.poll(() => server.lines.at(-1)).toContain('"msg":"stopped"')
  })

  it('Ctrl-C reaches the whole process group: the server drains once', async () => {
    const server = await start()
    process.kill(-server.pid, 'SIGINT')
    await server.exited
    await expect.poll(() => server.lines.at(-1)).toContain('"msg":"stopped"')
    expect(server.lines.join()).not.toContain('second signal:')
  })

  it('starter is killed: the server ends too', async () => {
    const server = await start()
    process.kill(-server.pid, 'SIGKILL')
    await server.exited
    await expect.poll(() => refuses(server)).toBe(true)
  })

  it('server fails to start: same exit code and message', async () => {
    const bad = join(folder, 'bad.yaml')
    writeFileSync(bad, 'sorces: {}\n')
    await expect(run('npm', ['start', '--', '--config', bad], { cwd: root, env: environment })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('sorces'),
    })
  })

  it('bare clone: installs everything on the first start only', async () => {
    const clone = join(folder, 'clone')
    const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    })
    for (const file of files.trim().split('\n'))
      if (existsSync(join(root, file))) cpSync(join(root, file), join(clone, file), { recursive: true })
    for (let i = 0; i < 2; i++) {
      const server = await start(clone)
      const stub = new FlightStub(server.flight)
      const { code } = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1'))])
      stub.close()
      const env = { ...environment, FLIGHTGATE_ENDPOINT: `grpc://${server.flight}` }
      const { stdout } = await run('sh', ['-c', shellLineOf('README.md')], { cwd: clone, env })
      expect(stdout.split('\r\n').slice(0, -1).sort()).toEqual([
        expect.stringMatching(/^A,\d+$/),
        expect.stringMatching(/^N,\d+$/),
        expect.stringMatching(/^R,\d+$/),
        'l_returnflag,n',
      ])
      expect([code, await server.stop()]).toEqual([0, 0])
    }
    const stamp = join(clone, 'node_modules', '.flightgate-stamp')
    expect(existsSync(stamp)).toBe(true)
  }, 300_000)
})
