import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { hasAdbcTestServer, startAdbcTestServer } from '../fakes/adbc-test-server.ts'
import { hasRoapi, roapiLogin, startRoapi } from '../fakes/roapi.ts'
import { hasGoServers, startSqliteServer } from '../fakes/servers.ts'
import { GatewayProcess } from './gateway-process.ts'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../.cache/java', import.meta.url))
const hasJava = existsSync(join(folder, 'JdbcRead.class'))
if (!hasJava && process.env['CI'] === 'true') throw new Error('the JDBC drivers are missing: run npm test')
if (!hasJava)
  process.stderr.write('skipped: the JDBC drivers are missing (npm test installs them where Maven and a JDK are)\n')

const driver = join(folder, 'flight-sql-jdbc-driver-18.3.0.jar')

/** The lines that JdbcRead prints for pairs of a source and a statement. */
async function read(gateway: GatewayProcess, ...pairs: readonly string[]): Promise<string[]> {
  const java = ['--add-opens=java.base/java.nio=ALL-UNNAMED', '-cp', `${folder}:${driver}`, 'JdbcRead']
  const { stdout } = await run('java', [...java, gateway.flight, ...pairs])
  return stdout.trim().split('\n')
}

describe.runIf(hasJava && hasRoapi() && hasGoServers() && hasAdbcTestServer())('the JDBC driver 18.3.0', () => {
  it('reads through the gateway from servers in Rust and Go', async () => {
    const roapi = await startRoapi({ goods: 'id,name,price\n1,one,1.5\n2,two,\n' })
    const [sqlite, canned] = [await startSqliteServer(), await startAdbcTestServer()]
    const gateway = await GatewayProcess.start({
      sources: {
        api: { kind: 'flightsql', uri: roapi.uri, ...roapiLogin },
        lite: { kind: 'flightsql', uri: sqlite.uri },
        canned: { kind: 'flightsql', uri: `grpc://127.0.0.1:${canned.port}` },
      },
      defaultSource: 'api',
    })
    // The two Go servers give no schema for a statement; without one the driver treats it as an update.
    const rows = await read(
      gateway,
      ...['api', 'SELECT * FROM goods ORDER BY id'],
      ...['lite', 'SELECT id, keyName FROM intTable WHERE id < 3 ORDER BY id'],
      ...['lite', 'SELEC'],
      ...['lite', 'tables'],
      ...['canned', 'SELECT 5'],
      ...['canned', 'tables'],
    )
    expect(rows).toEqual([
      'api = id|name|price; 1|one|1.5; 2|two|null',
      'lite = id|keyName; 1|one; 2|zero',
      expect.stringContaining('near "SELEC": syntax error'),
      'lite = main.foreignTable; main.intTable; main.sqlite_sequence',
      'canned = ints; 5',
      'canned =',
    ])
    expect(await gateway.stop()).toBe(0)
    await Promise.all([roapi.stop(), sqlite.stop(), canned.stop()])
  })
})
