import { once } from 'node:events'
import { expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, runPythonLine, spawnPython } from '../e2e/python.ts'

it.runIf(hasPython())(
  'client with a session is killed: its transaction is rolled back, other writers continue',
  async () => {
    const gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'etl', key: 'etl-key', roles: ['writer'] }] },
      sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT 1 AS i'] } },
    })
    const notebook = spawnPython('open_transaction.py', [gateway.uri, 'anyone', 'etl-key'])
    await once(notebook.stdout!, 'data')
    const open = () => gateway.metric('flightgate_transactions_open')
    expect(await open()).toBe(1)
    notebook.kill('SIGKILL')
    await expect.poll(open).toBe(0)
    const options = `db_kwargs={'username': 'other', 'password': 'etl-key'}, autocommit=True`
    const [update, read] = ['UPDATE t SET i = i + 10', 'SELECT i FROM t']
    const line = `import adbc_driver_flightsql.dbapi as adbc; c = adbc.connect('${gateway.uri}', ${options}).cursor(); c.execute('${update}'); c.execute('${read}'); print(c.fetchall())`
    expect((await runPythonLine(line)).trim()).toBe('[(11,)]')
    expect(await gateway.stop()).toBe(0)
  },
)
