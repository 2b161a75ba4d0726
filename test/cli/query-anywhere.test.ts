import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endWithTests } from '../e2e/end-with-tests.ts'
import { hasPython } from '../e2e/python.ts'
import { DremioLookalike } from '../fakes/servers.ts'
import { runFlightgate } from './run-flightgate.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function startServer(...args: string[]): Promise<{ readonly child: ChildProcess; readonly uri: string }> {
  const script = [`${root}test/fakes/pyarrow_server.py`, ...args]
  const child = spawn(`${root}.cache/python/bin/python`, script, { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithTests(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, uri: `grpc://127.0.0.1:${Number(line)}` }
}

const query = (uri: string, sql: string, ...args: string[]) =>
  runFlightgate(['query', '-q', '--timeout', '60', '-e', uri, ...args, sql], { cwd: root })

describe.runIf(hasPython())('flightgate query against any Flight server', () => {
  let server: Awaited<ReturnType<typeof startServer>>
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server?.child.kill())

  it.each(['lz4', 'zstd'])('reads rows and dictionaries compressed by %s', async (codec) => {
    const { stdout, stderr } = await query(server.uri, codec, '--format', 'ndjson')
    expect(stderr).toBe('')
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows).toHaveLength(5000)
    expect([rows[7], rows[4999]]).toEqual([
      { i: 7, s: null, d: 'word 2' },
      { i: 4999, s: `row 4999 ${'long '.repeat(4)}`, d: 'word 4' },
    ])
  })

  it.each([
    ['reuse', 'first'],
    ['elsewhere', 'second'],
    ['dead', 'second'],
  ])('fetches rows from the location of an endpoint: %s', async (command, name) => {
    expect(await query(server.uri, command)).toEqual({ code: 0, stdout: `server\r\n${name}\r\n`, stderr: '' })
  })

  it('location of an unsupported scheme: the error names it', async () => {
    const { code, stderr } = await query(server.uri, 'nowhere')
    expect([code, stderr]).toEqual([1, expect.stringContaining('https://127.0.0.1:1/rows')])
  })
})

describe.runIf(hasPython())('flightgate query against a server with its own login', () => {
  it('logs in by Handshake when the server ignores headers, also at the location of an endpoint', async () => {
    const { child, uri } = await startServer('handshake')
    const login = ['--user', 'u', '--password']
    expect(await query(uri, 'elsewhere', ...login, 'p')).toMatchObject({ code: 0, stdout: 'server\r\nsecond\r\n' })
    const wrong = await query(uri, 'reuse', ...login, 'nope')
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/^UNAUTHENTICATED: .*who is that/)])
    const nobody = await query(uri, 'reuse')
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringMatching(/^UNAUTHENTICATED: .*log in/)])
    child.kill()
  })

  it('logs in to Dremio', async () => {
    const dremio = await DremioLookalike.start()
    const { code, stdout, stderr } = await query(
      dremio.uri,
      'SELECT 1 AS x',
      '--user',
      'dremio',
      '--password',
      'dremio123',
    )
    expect([stderr, stdout, code]).toEqual(['', 'x\r\n1\r\n', 0])
    await dremio.stop()
  })
})
