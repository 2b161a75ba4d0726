import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { runFlightgate } from './run-flightgate.ts'

const NOBODY = 65_534

const folder = mkdtempSync(join(tmpdir(), 'flightgate-mistakes-'))
const at = (name: string) => join(folder, name)
const listen = 'listen: { flight: "127.0.0.1:0", http: "127.0.0.1:0" }\n'

/** The header of a database file, as DuckDB writes it. */
function databaseFile(storageVersion: number): Buffer {
  const bytes = Buffer.alloc(4096)
  bytes.write('DUCK', 8, 'latin1')
  bytes.writeBigUInt64LE(BigInt(storageVersion), 12)
  return bytes
}

let taken: Server
let port = 0
beforeAll(async () => {
  writeFileSync(at('newer.duckdb'), databaseFile(99))
  writeFileSync(at('text.duckdb'), 'no database\n'.repeat(100))
  writeFileSync(at('damaged.duckdb'), databaseFile(64))
  taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  port = (taken.address() as { port: number }).port
})
afterAll(() => {
  taken.close()
  rmSync(folder, { recursive: true })
})

async function run(command: string, yaml: string): Promise<{ code: number; said: string }> {
  const file = at('config.yaml')
  writeFileSync(file, yaml)
  const { code, stdout, stderr } = await runFlightgate([command, '--config', file], { cwd: folder })
  return { code, said: stdout + stderr }
}

/** Mistakes visible in the configuration: `check-config` and `serve` report the same line. */
const known: readonly (readonly [name: string, yaml: () => string, line: string])[] = [
  ...['memory', 'system', 'temp', 'Main'].map(
    (name) =>
      [
        `a DuckDB source called ${name}`,
        () => `sources: { ${name}: { kind: duckdb } }`,
        `sources.${name}: DuckDB has a database or schema called ${name.toLowerCase()} of its own: choose another name`,
      ] as const,
  ),
  [
    'a missing database file',
    () => `sources: { s: { kind: duckdb, path: ${at('missing.duckdb')} } }`,
    `sources.s.path: there is no file ${at('missing.duckdb')}; it is made with writes: true`,
  ],
  [
    'a missing folder of a database file',
    () => `sources: { s: { kind: duckdb, path: ${at('missing/a.duckdb')}, writes: true } }`,
    `sources.s.path: there is no folder ${at('missing')} for the file`,
  ],
  [
    'a file of a newer DuckDB',
    () => `sources: { s: { kind: duckdb, path: ${at('newer.duckdb')} } }`,
    `sources.s.path: the file ${at('newer.duckdb')} is of a newer DuckDB (storage version 99); DuckDB 1.5 is embedded, which reads up to 68`,
  ],
  [
    'a file that is not a database',
    () => `sources: { s: { kind: duckdb, path: ${at('text.duckdb')} } }`,
    `sources.s.path: the file ${at('text.duckdb')} is no DuckDB database`,
  ],
  [
    'a folder in place of a file',
    () => `sources: { s: { kind: duckdb, path: ${folder} } }`,
    `sources.s.path: ${folder} is no file`,
  ],
  ...(
    [
      ['under a missing folder', 'missing/temp', () => `there is no folder ${at('missing')} for it`],
      ['under a file', 'text.duckdb/temp', () => `${at('text.duckdb')} is no folder`],
      ['in place of a file', 'text.duckdb', () => `${at('text.duckdb')} is no folder`],
    ] as const
  ).map(
    ([where, path, why]) =>
      [
        `a spill folder ${where}`,
        () => `sources: { s: { kind: duckdb, tempDirectory: ${at(path)} } }`,
        `sources.s.tempDirectory: ${why()}`,
      ] as const,
  ),
  [
    'the same port for two listeners',
    () => 'listen: { flight: "127.0.0.1:4711", http: "127.0.0.1:4711" }',
    'listen.http: port 4711 is that of listen.flight: choose another',
  ],
  [
    'a user without a password',
    () => 'sources: { up: { kind: flightsql, uri: "grpc://h:1", username: u } }',
    'sources.up.password: the user u has none; write "" if the server requires none',
  ],
]

describe('a mistake in the configuration: one line with the path of the setting, exit code 1', () => {
  it.each(known)('%s', async (_, yaml, line) => {
    const text = yaml()
    for (const command of ['check-config', 'serve'])
      expect(await run(command, text)).toEqual({ code: 1, said: `The configuration has 1 problem:\n- ${line}\n` })
  })

  it('sample tables in a read-only file', () => {
    const file = at('fixed.duckdb')
    writeFileSync(file, databaseFile(64), { mode: 0o444 })
    expectUnprivileged(
      `sources: { s: { kind: duckdb, path: ${file}, sample: { tpch: 0.001 } } }`,
      `- sources.s.sample: the file ${file} may not be written to`,
    )
  })

  it.each([
    ['a read-only spill folder', 'fixed'],
    ['a spill folder to be created in a read-only folder', 'fixed/temp'],
  ])('%s', (_, path) => {
    const fixed = at('fixed')
    mkdirSync(fixed, { recursive: true, mode: 0o555 })
    expectUnprivileged(
      `sources: { s: { kind: duckdb, tempDirectory: ${at(path)} } }`,
      `- sources.s.tempDirectory: the folder ${fixed} may not be written to`,
    )
  })

  it('a missing spill folder that DuckDB can create is no mistake', async () => {
    const yaml = `sources: { s: { kind: duckdb, tempDirectory: ${at('temp')} } }`
    expect((await run('check-config', yaml)).code).toBe(0)
  })
})

/** Expects this problem when an unprivileged user reads the configuration; root may write anywhere. */
function expectUnprivileged(yaml: string, problem: string): void {
  const config = at('unprivileged.yaml')
  writeFileSync(config, yaml)
  chmodSync(folder, 0o755)
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid!(NOBODY)
  try {
    expect(() => loadConfig({ file: config, env: {} })).toThrow(problem)
  } finally {
    if (isRoot) process.seteuid!(0)
  }
}

describe('a mistake that only the start shows: one fatal line without a stack, exit code 1', () => {
  const fatal = async (yaml: string) => {
    const { code, said } = await run('serve', yaml)
    const lines = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(code).toBe(1)
    expect(said).not.toMatch(/\\n {4}at |node:internal/)
    const last = lines.filter(({ level }) => level === 'fatal')
    expect(last).toHaveLength(1)
    return String(last[0]!['msg'])
  }

  it('a port in use', async () => {
    for (const which of ['flight', 'http'] as const) {
      const other = which === 'flight' ? 'http' : 'flight'
      const text = `listen: { ${which}: "127.0.0.1:${port}", ${other}: "127.0.0.1:0" }\nsources: { s: { kind: duckdb } }`
      expect((await run('check-config', text)).code).toBe(0)
      expect(await fatal(text)).toBe(
        `the gateway could not start: listen.${which} (127.0.0.1:${port}): another process listens there already (EADDRINUSE)`,
      )
    }
  })

  it('an address of another machine', async () => {
    const text = `listen: { flight: "192.0.2.1:0", http: "127.0.0.1:0" }\nauth: { apiKeys: [ { name: a, key: x } ] }\nsources: { s: { kind: duckdb } }`
    expect(await fatal(text)).toBe(
      'the gateway could not start: listen.flight (192.0.2.1:0): this machine has no such address (EADDRNOTAVAIL)',
    )
  })

  it('a damaged database file, or start-up SQL that fails: DuckDB’s own message', async () => {
    const damaged = `sources: { s: { kind: duckdb, path: ${at('damaged.duckdb')} } }`
    expect(await fatal(listen + damaged)).toMatch(/^the gateway could not start: sources\.s: .*[Cc]orrupt/)
    const init = `sources: { s: { kind: duckdb, init: ["SELECT 1", "SET threads = 2", "SELECT * FROM nowhere"] } }`
    expect(await fatal(listen + init)).toMatch(
      /^the gateway could not start: sources\.s\.init\[2\]: .*nowhere does not exist/,
    )
  })
})

describe('the warning about a plaintext key', () => {
  it.each([
    ['is given for a key in the file', 'key: hunter2', true],
    ['is not given for a variable', `key: "\${DASH_KEY}"`, false],
    ['is not given for a hash', `key: "sha256:${'ab'.repeat(32)}"`, false],
  ])('%s', async (_, key, isWarned) => {
    const file = at('keys.yaml')
    writeFileSync(file, `auth: { apiKeys: [ { name: dash, ${key} } ] }`)
    const { stdout } = await runFlightgate(['check-config', '--config', file], { cwd: folder, env: { DASH_KEY: 'x' } })
    expect(stdout.includes('the key of dash is in plain text')).toBe(isWarned)
  })

  it('is not given for API_KEYS', async () => {
    const { stdout } = await runFlightgate(['check-config'], { cwd: folder, env: { API_KEYS: 'x,y' } })
    expect(stdout).not.toContain('plainly')
  })
})

it.each([
  ['FLIGHTGATE_TOKEN', ['admin', 'queries'], '--token'],
  ['FLIGHTGATE_API_KEY', ['query', 'SELECT 1'], '--api-key'],
])('a line end in %s is told without the value', async (name, args, option) => {
  const { code, stdout, stderr } = await runFlightgate(args, { cwd: folder, env: { [name]: 'hush-hush\r' } })
  expect(code).toBe(2)
  expect(stderr).toContain(`error: the value of ${option}`)
  expect(stdout + stderr).not.toContain('hush')
})
