import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { endWithTests } from './end-with-tests.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython } from './python.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe.runIf(hasPython())('a pyarrow server whose endpoints name another server', () => {
  let server: ChildProcess
  let gateway: GatewayProcess
  beforeAll(async () => {
    const script = `${root}test/fakes/pyarrow_server.py`
    server = spawn(`${root}.cache/python/bin/python`, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    endWithTests(server)
    const [line] = (await once(server.stdout!, 'data')) as [Buffer]
    const uri = `grpc://127.0.0.1:${Number(line)}`
    const up = { kind: 'flightsql', uri }
    gateway = await GatewayProcess.start({
      sources: { up, still: { ...up, followLocations: false } },
      defaultSource: 'up',
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    server?.kill()
  })

  it.each([
    ['reuse', 'up', 'first'],
    ['elsewhere', 'up', 'second'],
    ['dead', 'up', 'second'],
    ['nowhere', 'up', 'first'],
    ['elsewhere', 'still', 'first'],
  ])('%s, source %s: the rows come from the %s server', async (command, source, name) => {
    const options = ['query', '-q', '--timeout', '20', '-e', gateway.uri, '--source', source]
    expect(await runFlightgate([...options, `SELECT ${command}`], { cwd: root })).toEqual({
      code: 0,
      stdout: `server\r\n${name}\r\n`,
      stderr: '',
    })
  })
})
