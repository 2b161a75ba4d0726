import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { DremioLookalike } from '../fakes/servers.ts'
import { typesAnswers, walkAnswers, walkedTables } from './answers/jdbc.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython } from './python.ts'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../.cache/java', import.meta.url))
const programs = ['JdbcWalk', 'JdbcTypes', 'JdbcDremio', 'JdbcNames', 'JdbcTimeouts']
const hasJava = programs.every((program) => existsSync(join(folder, `${program}.class`)))
if (!hasJava && process.env['CI'] === 'true') throw new Error('the JDBC drivers are missing: run npm test')
if (!hasJava)
  process.stderr.write('skipped: the JDBC drivers are missing (npm test installs them where Maven and a JDK are)\n')

const config = {
  // Short, so that slow steps get empty batches in between.
  limits: { streamKeepAliveMs: 10 },
  auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
  sources: {
    demo: {
      kind: 'duckdb',
      writes: true,
      init: walkedTables,
    },
  },
}

const versions = ['18.3.0', '17.0.0']

/** Results of a program's steps, by name. */
async function walk(version: string, gateway: GatewayProcess, program = 'JdbcWalk'): Promise<Record<string, string>> {
  const classpath = `${folder}:${join(folder, `flight-sql-jdbc-driver-${version}.jar`)}`
  const options = ['--add-opens=java.base/java.nio=ALL-UNNAMED', '-Duser.timezone=America/New_York', '-cp', classpath]
  const { stdout } = await run('java', [...options, program, gateway.flight, 'etl-key', gateway.http])
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' = ', 2)),
  )
}

describe.skipIf(!hasJava)('the JDBC driver', () => {
  it.each(versions)('%s connects, reads, changes data and requests all metadata', async (version) => {
    const gateway = await GatewayProcess.start(config)
    const steps = await walk(version, gateway)
    expect(steps).toEqual(walkAnswers(version))
    expect(gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
    expect(await gateway.stop()).toBe(0)
  })
})

describe.skipIf(!hasJava)('parameters of the JDBC driver', () => {
  it.each(versions)('%s binds a value and a NULL of each type, and finds the value again', async (version) => {
    const gateway = await GatewayProcess.start(config)
    expect(await walk(version, gateway, 'JdbcTypes')).toEqual(typesAnswers)
    expect(await gateway.stop()).toBe(0)
  })
})

describe.skipIf(!hasJava || !hasPython())('the JDBC driver in front of Dremio', () => {
  it.each(versions)('%s reads, binds, and changes data once for each statement', async (version) => {
    const dremio = await DremioLookalike.start('--scale', '0.001')
    const demo = { kind: 'dremio', uri: dremio.uri, username: 'dremio', password: 'dremio123', writes: true }
    const gateway = await GatewayProcess.start({ ...config, sources: { demo } })
    expect(await walk(version, gateway)).toMatchObject({
      valid: 'true',
      select: '42|x|2024-01-02|1.50|true',
      'no rows': '',
      large: '44999850000',
      create: '0',
      update: '2',
      catalogs: 'demo',
      schemas: 'demo|main; demo|tpch',
      getters: '142 called, failed: []',
      'syntax error': expect.stringContaining('syntax error at or near "SELEC"'),
      'unknown table': expect.stringContaining('Table with name missing does not exist'),
    })
    expect(await walk(version, gateway, 'JdbcDremio')).toEqual({
      tables: 'demo|tpch|nation|TABLE',
      columns: 'n_nationkey|-5; n_regionkey|-5',
      // Dremio returns no parameter types, and the driver then accepts only text.
      prepared: '2: 0|NATION 0; 1|NATION 1 / 0|NATION 0',
      create: '0',
      'prepared update': '1',
      batch: '3',
      bound: '1|a; 2|null; 3|null; 4|null',
      forbidden: expect.stringContaining('fault: plan_permission'),
      failed: expect.stringContaining('The source demo failed at the statement'),
      // This statement sets the schema of the session; the driver accepts it only by execute.
      use: expect.stringContaining('did not return a result set'),
      'after errors': '7',
      'wrong key': expect.stringContaining('The API key, password or token is wrong.'),
    })
    // A stream ends at the server after its client has read the last row.
    await expect.poll(async () => (await dremio.stats()).streams_open).toBe(0)
    const { recent } = await dremio.stats()
    expect(recent.filter(({ sql }) => sql.startsWith('CREATE TABLE jdbc'))).toHaveLength(1)
    expect(await gateway.stop()).toBe(0)
    await dremio.stop()
  })
})

describe.skipIf(!hasJava)('the JDBC driver in front of two sources', () => {
  it.each(versions)(
    '%s reads names listed by the catalog, and chooses a source by USE and by the catalog of its URL',
    async (version) => {
      const source = (who: string) => ({
        kind: 'duckdb',
        writes: true,
        init: [
          `CREATE TABLE t AS SELECT '${who}' AS who`,
          'CREATE SCHEMA other',
          `CREATE TABLE other.t AS SELECT '${who}, other' AS who`,
        ],
      })
      const sources = { demo: source('demo'), second: source('second') }
      const gateway = await GatewayProcess.start({ ...config, sources, defaultSource: 'demo' })
      expect(await walk(version, gateway, 'JdbcNames')).toEqual({
        default: 'demo',
        qualified: 'second',
        quoted: 'second',
        prepared: 'second',
        update: '1',
        updated: 'second; more',
        // Neither driver sends a call.
        setCatalog: 'demo',
        'USE by executeUpdate': '0: second; more',
        'USE by execute': 'false: demo, other',
        'catalog property': 'second; more',
        'and another catalog': 'demo',
        // The driver ends the session, closes its channel, and tries to end the session again, which fails.
        'close with a catalog': expect.stringContaining('Channel shutdown invoked'),
        'source header': 'second; more',
        'close with a source header': 'closed',
      })
      const metric = await gateway.metrics()
      expect(metric('flightgate_calls_total')).toBe(metric('flightgate_calls_total', { code: 'OK' }))
      expect(await gateway.stop()).toBe(0)
    },
  )
})

describe.skipIf(!hasJava)('setQueryTimeout of the JDBC driver', () => {
  it.concurrent.for(versions)(
    '%s: a timed-out statement runs until the client closes it; the limit does not apply between rows',
    { timeout: 120_000 },
    async (version, { expect }) => {
      const demo = { kind: 'duckdb', maxStreams: 1 }
      // Small batches, so that the first rows arrive before the slow ones are computed.
      const hasty = { kind: 'duckdb', statementTimeoutMs: 6000, threads: 1, batchRows: 2048 }
      const gateway = await GatewayProcess.start({ ...config, sources: { demo, hasty }, defaultSource: 'demo' })
      // Empty keep-alive batches every 10 ms do not extend the driver's limit.
      expect(await walk(version, gateway, 'JdbcTimeouts')).toEqual({
        'the statement is closed': 'timed out, runs, ended',
        'the statement is cancelled': 'timed out, ended',
        'the statement is used again': 'timed out, ended',
        'slow between rows': expect.stringMatching(
          /^[1-9]\d* rows, The statement ran longer than the source hasty's 6000 ms/,
        ),
        'only the connection is closed': 'timed out, runs',
      })
      await expect.poll(() => gateway.metric('flightgate_calls_in_flight')).toBe(0)
      expect(await gateway.stop()).toBe(0)
    },
  )
})
