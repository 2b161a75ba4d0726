import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { selfSignedCertificate } from '../fakes/certificate.ts'
import { type Ended, runFlightgate } from './run-flightgate.ts'

const folder = mkdtempSync(join(tmpdir(), 'flightgate-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

const flightgate = (args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}) =>
  runFlightgate(args, { cwd: folder, input, env })

describe('the command line', () => {
  it.each(['serve', 'query', 'check-config', 'doctor'])('%s --help shows an example', async (command) => {
    const { code, stdout } = await flightgate([command, '--help'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Examples?:\n {2}flightgate/)])
  })

  it('wrong usage: exit code 2', async () => {
    for (const args of [['nope'], ['query'], ['query', 'SELECT 1', '--format', 'xml'], ['serve', '--nope']])
      expect((await flightgate(args)).code).toBe(2)
    const { code, stderr } = await flightgate(['--config', 'flightgate.yaml'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('flightgate serve --config')])
  })

  it('check-config prints the effective settings without secrets', async () => {
    const file = join(folder, 'good.yaml')
    writeFileSync(
      file,
      `auth: { apiKeys: [ { name: a, key: hunter2 } ], sealKeys: ["0123456789012345678901234567890123"] }
sources: { up: { kind: flightsql, uri: "grpc://up:1", username: u, password: hunter3, headers: { x: hunter4 } } }`,
    )
    const { code, stdout } = await flightgate(['check-config', '--config', file])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/valid[\s\S]*key: "\*\*\*"[\s\S]*queueWaitMs: 10000/)])
    expect(stdout).not.toMatch(/hunter|01234567890/)
  })

  it('check-config --diff lists what would change without secrets; exit codes 0, 5 and 6', async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const before = write('before.yaml', 'auth: { apiKeys: [ { name: a, key: hunter2 } ] }')
    const diff = async (text: string) =>
      await flightgate(['check-config', '--config', write('after.yaml', text), '--diff', before])
    expect(await diff('auth: { apiKeys: [ { name: a, key: hunter2 } ] }')).toMatchObject({ code: 0 })
    const live = await diff('auth: { apiKeys: [ { name: a, key: hunter3 } ] }\nlimits: { queueWaitMs: 5 }')
    expect([live.code, live.stdout]).toEqual([5, '~ auth.apiKeys.a.key: ***\n~ limits.queueWaitMs: 10000 -> 5\n'])
    const cold = await diff('auth: { apiKeys: [ { name: a, key: hunter2 } ] }\nworkers: 2')
    expect([cold.code, cold.stdout]).toEqual([6, expect.stringContaining('~ workers: 1 -> 2  # needs a restart')])
  })

  it('check-config and serve list every problem, exit code 1', async () => {
    const file = join(folder, 'bad.yaml')
    writeFileSync(file, 'listen: { flight: "0.0.0.0:1" }\nlimits: { queueWait: 3 }')
    for (const command of ['check-config', 'serve']) {
      const { code, stderr } = await flightgate([command, '--config', file])
      expect([code, stderr]).toEqual([1, expect.stringMatching(/did you mean queueWaitMs\?/)])
    }
    writeFileSync(file, 'listen: { flight: "0.0.0.0:1" }')
    expect((await flightgate(['serve', '--config', file])).stderr).toMatch(/set auth.apiKeys or API_KEYS/)
  })
})

describe('flightgate query', () => {
  let gateway: GatewayProcess
  let query: (args: readonly string[], input?: string, env?: NodeJS.ProcessEnv) => Promise<Ended>
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ auth: { apiKeys: [{ name: 'cli', key: 'k' }] } })
    query = (args, input, env) =>
      flightgate(['query', '--endpoint', gateway.uri, ...args], input, { FLIGHTGATE_API_KEY: 'k', ...env })
  })
  afterAll(() => gateway?.stop())

  const values = `SELECT * FROM (VALUES
    (1::TINYINT, 9007199254740993::BIGINT, 12.50::DECIMAL(10,2), 'a "b"', DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789', true),
    (NULL, NULL, -0.05, 'x,y', DATE '0044-03-15 (BC)', NULL, false),
    (-7, 0, NULL, '', NULL, TIMESTAMP '1969-12-31 23:59:59.5', NULL)
  ) t(small, big, price, label, day, moment, flag)`

  it('writes CSV when standard output is not a terminal', async () => {
    const { code, stdout } = await query(['-q', values])
    expect(code).toBe(0)
    expect(stdout.split('\r\n')).toEqual([
      'small,big,price,label,day,moment,flag',
      '1,9007199254740993,12.50,"a ""b""",2024-02-29,2024-02-29T12:34:56.789000,true',
      ',,-0.05,"x,y",-000043-03-15,,false',
      '-7,0,,"",,1969-12-31T23:59:59.500000,',
      '',
    ])
  })

  it('writes NDJSON and JSON with every digit: integers beyond 2^53 as strings', async () => {
    const lines = (await query(['-q', '--format', 'ndjson', values])).stdout.trim().split('\n')
    expect(lines[0]).toBe(
      '{"small":1,"big":"9007199254740993","price":12.50,"label":"a \\"b\\"","day":"2024-02-29","moment":"2024-02-29T12:34:56.789000","flag":true}',
    )
    expect(JSON.parse((await query(['-q', '--format', 'json', values])).stdout)).toHaveLength(3)
    expect(JSON.parse((await query(['-q', '--format', 'json', `${values} WHERE false`])).stdout)).toEqual([])
  })

  it('writes nested and unusual values as JSON', async () => {
    const sql = `SELECT [1, NULL] AS list, {'a': 1, 'b': 'x'} AS struct, MAP {'k': 1} AS map, union_value(n := 3) AS u,
      'red'::ENUM('green', 'red') AS e, 'ab'::BLOB AS blob, INTERVAL '14 months 3 days 4.5 seconds' AS i, 'nan'::DOUBLE AS nan,
      TIME '12:34:56.5' AS t, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS tz, NULL AS nothing, 1.5::FLOAT AS f, [[1, 2], []] AS ll,
      17014118346046923173168730371588410572::DECIMAL(38,0) AS wide, array_value(1, 2) AS fixed, true AS yes`
    const { stdout, stderr } = await query(['-q', '--format', 'ndjson', sql])
    expect([JSON.parse(stdout), stderr]).toEqual([
      {
        list: [1, null],
        struct: { a: 1, b: 'x' },
        map: [['k', 1]],
        u: { n: 3 },
        e: 'red',
        blob: 'YWI=',
        i: 'P14M3DT4.5S',
        nan: 'NaN',
        t: '12:34:56.500000',
        tz: '2024-01-01T00:00:00.000000Z',
        nothing: null,
        f: 1.5,
        ll: [[1, 2], []],
        wide: '17014118346046923173168730371588410572',
        fixed: [1, 2],
        yes: true,
      },
      '',
    ])
    const lossless = ['--header', 'x-flightgate-lossless-types=true', '-q', '--format', 'ndjson', sql]
    expect(JSON.parse((await query(lossless)).stdout)).toMatchObject({ u: 3, e: 'red' })
  })

  it.each(['false', 'true'])('writes every type in readable form, with lossless types: %s', async (lossless) => {
    const values = `170141183460469231731::HUGEINT AS h, 3::UHUGEINT AS uh, '6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID AS u,
      '0101'::BIT AS b, '12:00:00.5-05:30'::TIMETZ AS t, '-123456789012345678901234567890'::BIGNUM AS n, '{"a":1}'::JSON AS j, true AS yes`
    const sql = `SELECT *, [h, -h] AS hs, {'u': u, 'm': MAP {b: t}} AS s, NULL::HUGEINT AS nothing FROM (SELECT ${values})`
    const { stdout, stderr } = await query([
      '-q',
      '--header',
      `x-flightgate-lossless-types=${lossless}`,
      '--format',
      'ndjson',
      sql,
    ])
    const uuid = '6f9619ff-8b86-d011-b42d-00c04fc964ff'
    expect([stdout, stderr]).toEqual([
      `{"h":"170141183460469231731","uh":3,"u":"${uuid}","b":"0101","t":"12:00:00.5-05:30","n":"-123456789012345678901234567890","j":"{\\"a\\":1}","yes":true,"hs":["170141183460469231731","-170141183460469231731"],"s":{"u":"${uuid}","m":[["0101","12:00:00.5-05:30"]]},"nothing":null}\n`,
      '',
    ])
  })

  it('prints an aligned table and the number of rows, shown and total', async () => {
    const { stdout } = await query([
      '-q',
      '--format',
      'table',
      '--max-rows',
      '2',
      "SELECT range AS n, 'v' || range AS v FROM range(8, 12)",
    ])
    expect(stdout.split('\n')).toEqual(['n  v', '─  ──', '8  v8', '9  v9', '4 rows (first 2 shown)', ''])
  })

  it('writes an Arrow stream to a file, from a statement on standard input', async () => {
    const file = join(folder, 'rows.arrows')
    const { code, stderr } = await query(['--format', 'arrow', '-o', file, '-'], 'SELECT range AS i FROM range(100000)')
    expect([code, stderr]).toEqual([0, expect.stringMatching(/MB in .* s/)])
    expect(tableFromIPC(readFileSync(file)).numRows).toBe(100_000)
  })

  it('failure: prints the gRPC status and the cause, exit code 1', async () => {
    const bad = await query(['SELECT * FROM nope'])
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringMatching(/^NOT_FOUND: .*nope does not exist/)])
    const wrong = await query(['SELECT 1'], '', { FLIGHTGATE_API_KEY: 'wrong' })
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/^UNAUTHENTICATED/)])
    const late = await query([
      '--timeout',
      '0.3s',
      'SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(100000) b',
    ])
    expect([late.code, late.stderr]).toEqual([1, expect.stringMatching(/^DEADLINE_EXCEEDED/)])
    const nobody = await flightgate(['query', '--endpoint', 'grpc://127.0.0.1:1', '--timeout', '30', 'SELECT 1'])
    expect([nobody.code, nobody.stderr]).toEqual([
      1,
      'UNAVAILABLE: grpc://127.0.0.1:1 cannot be reached: nothing listens there: is the server up, and the port right?\n',
    ])
    const plain = await query(['--endpoint', gateway.uri.replace('grpc:', 'grpc+tls:'), '--timeout', '30', 'SELECT 1'])
    expect([plain.code, plain.stderr]).toEqual([1, expect.stringMatching(/cannot be reached: it does not speak TLS/)])
  })

  it.each(['http://127.0.0.1:1', 'grpc://127.0.0.1:1/path'])('refuses the endpoint %s', async (endpoint) => {
    const { code, stderr } = await flightgate(['query', '-e', endpoint, 'SELECT 1'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('must be grpc:// or grpc+tls://')])
  })

  it('reads over TLS by address, and refuses an untrusted or misnamed certificate', async () => {
    const files = (name: string) => {
      const { cert, key } = selfSignedCertificate(name)
      writeFileSync(join(folder, `${name}.cert`), cert)
      writeFileSync(join(folder, `${name}.key`), key)
      return { cert: join(folder, `${name}.cert`), key: join(folder, `${name}.key`) }
    }
    const tls = files('127.0.0.1')
    const secure = await GatewayProcess.start({ tls })
    const at = ['-q', '-e', `grpc+tls://${secure.flight}`]
    expect(await flightgate(['query', ...at, '--tls-ca', tls.cert, 'SELECT 1 AS x'])).toEqual({
      code: 0,
      stdout: 'x\r\n1\r\n',
      stderr: '',
    })
    const untrusted = await flightgate(['query', ...at, 'SELECT 1'])
    expect([untrusted.code, untrusted.stderr]).toEqual([1, expect.stringMatching(/not trusted.*--tls-ca\n$/)])
    const plain = await flightgate(['query', '-e', `grpc://${secure.flight}`, '--timeout', '30', 'SELECT 1'])
    expect([plain.code, plain.stderr]).toEqual([1, expect.stringMatching(/try grpc\+tls:\/\//)])
    await secure.stop()
    const other = files('other.example')
    const misnamed = await GatewayProcess.start({ tls: other })
    const wrong = await flightgate(['query', '-e', `grpc+tls://${misnamed.flight}`, '--tls-ca', other.cert, 'SELECT 1'])
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringMatching(/its certificate is for another name/)])
    await misnamed.stop()
  })

  it('logs in with user and password, or a token', async () => {
    const env = { FLIGHTGATE_API_KEY: '' }
    for (const args of [
      ['--user', 'me', '--password', 'k'],
      ['--token', 'k'],
      ['--header', 'x-api-key=k'],
    ])
      expect((await query([...args, '-q', 'SELECT 1 AS x'], '', env)).stdout).toBe('x\r\n1\r\n')
  })
})

it('a reader that leaves ends a command without a stack trace', () => {
  const script = '"$0" src/main.ts check-config | true; exit $PIPESTATUS'
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})
