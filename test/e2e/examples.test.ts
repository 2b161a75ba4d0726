import { type ExecFileOptions, execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, python } from './python.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const goProgram = join(root, '.cache', 'bin', 'gateway_example')
const hasGo = existsSync(goProgram)
if (!hasGo && process.env['CI'] === 'true') throw new Error('the Go example is missing: run npm test')
if (!hasGo) process.stderr.write('skipped: the Go example is missing (npm test builds it where Go is)\n')

let gateway: GatewayProcess
let folder: string
beforeAll(async () => {
  gateway = await GatewayProcess.start({
    auth: { apiKeys: [{ name: 'service', key: 'service-key', roles: ['writer'] }] },
    sources: { demo: { kind: 'duckdb', writes: true, sample: { tpch: 0.01 } } },
  })
  folder = mkdtempSync(join(tmpdir(), 'flightgate-examples-'))
  if (!hasPython()) return
  cpSync(join(root, 'examples', 'python'), folder, { recursive: true })
  // As examples/README.md says, with another folder.
  const out = [`--python_out=${folder}`, `--grpc_python_out=${folder}`]
  await run(python, ['-m', 'grpc_tools.protoc', '-I', 'proto', ...out, 'flightgate/v1/gateway_service.proto'], {
    cwd: root,
  })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await waitFor(async () => (await gateway.metric('flightgate_statements_in_flight')) === 0, 'all statements to end')
  expect(await gateway.stop()).toBe(0)
  expect(gateway.noise).toEqual([])
})

describe.each([
  ['Python', hasPython(), () => [python, join(folder, 'gateway.py'), '--address', gateway.flight, '--key']] as const,
  ['Go', hasGo, () => [goProgram, '-address', gateway.flight, '-key']] as const,
])('the example client in %s', (language, isInstalled, start) => {
  const client = async (command: string, texts: readonly string[], key = 'service-key'): Promise<string[]> => {
    const [program, ...args] = [...start(), key, command, ...texts]
    const options: ExecFileOptions = { timeout: 60_000 }
    const { stdout } = await run(program!, args, options)
    return stdout.toString().trim().split('\n')
  }

  it.runIf(isInstalled)('estimate tells what a statement would read', async () => {
    const [line] = await client('estimate', ['SELECT * FROM nation'])
    expect(line).toMatch(/^source demo, accuracy ESTIMATE_ACCURACY_\w+, \d+ bytes, \d+ rows$/)
  })

  it.runIf(isInstalled)('execute prints rows, and how many a change made', async () => {
    const lines = await client('execute', ['SELECT n_name FROM nation WHERE n_nationkey = 7'])
    expect(lines.join('\n')).toContain('GERMANY')
    expect(lines.at(-1)).toBe('1 rows from demo')
    const table = `t_${language}`
    const changes = await client('execute', [
      `CREATE TABLE ${table} (n BIGINT)`,
      `INSERT INTO ${table} SELECT range FROM range(5)`,
    ])
    expect(changes).toContain('5 changed rows')
  })

  it.runIf(isInstalled)('batch runs statements side by side, and tells which failed', async () => {
    const lines = await client('batch', ['SELECT * FROM nation', 'SELECT nope', 'SELECT * FROM region'])
    expect(lines).toContain('0: STATEMENT_STATUS_SUCCEEDED, 25 rows')
    expect(lines).toContainEqual(expect.stringMatching(/^1: STATEMENT_STATUS_FAILED BAD_SQL: /))
    expect(lines).toContain('2: STATEMENT_STATUS_SUCCEEDED, 5 rows')
    expect(lines.at(-1)).toBe('3 statements, 2 succeeded, 1 failed')
  })

  it.runIf(isInstalled)('plan fetches results in parallel with Flight', async () => {
    const lines = await client('plan', ['SELECT * FROM lineitem', 'SELECT nope', 'SELECT * FROM nation'])
    expect(lines[0]).toBe('0: 59960 rows')
    expect(lines[1]).toMatch(/^1: BAD_SQL: /)
    expect(lines.at(-1)).toBe('2: 25 rows')
  })

  it.runIf(isInstalled)('cancel ends a statement that another call runs', async () => {
    const endless = `SELECT range, hash(range) FROM range(100000000000) -- ${language}`
    expect(await client('cancel', [endless])).toEqual([
      expect.stringMatching(/^cancelled: The statement was cancelled/),
    ])
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it.runIf(isInstalled)('a wrong key is refused', async () => {
    await expect(client('execute', ['SELECT 1'], 'wrong')).rejects.toMatchObject({
      stderr: expect.stringMatching(/unauthenticated/i),
    })
  })
})
