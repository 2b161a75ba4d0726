import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../../e2e/gateway-process.ts'
import { byMethod, FakeUpstream } from '../../fakes/fake-upstream.ts'
import { runFlightgate } from '../run-flightgate.ts'

const cwd = fileURLToPath(new URL('../../..', import.meta.url))

describe('flightgate estimate', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [{ name: 'me', key: 'k' }] },
      sources: { demo: { kind: 'duckdb', init: ['CREATE TABLE t AS SELECT i::INTEGER AS i FROM range(1000) r(i)'] } },
    })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })
  const estimate = (args: readonly string[], input = '', endpoint = gateway.uri) =>
    runFlightgate(['estimate', '--timeout', '20', '-e', endpoint, ...args], {
      cwd,
      input,
      env: { FLIGHTGATE_API_KEY: 'k' },
    })

  it('prints the figures', async () => {
    const { code, stdout, stderr } = await estimate(['SELECT * FROM t'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n')).toEqual([
      'Source    demo',
      'Reads     4 kB (4,000 bytes), estimated from statistics',
      'Returns   1,000 rows',
      'Tables    demo.main.t',
      'Columns   i int32',
      '',
    ])
  })

  it('reads the statement from standard input, or the name of a table; --json is what the HTTP API answers', async () => {
    const answer = await fetch(`http://${gateway.http}/api/v1/estimate-cost`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': 'k' },
      body: JSON.stringify({ query: 'SELECT * FROM t' }),
    })
    const json = await answer.json()
    const [fromInput, fromTable] = await Promise.all([
      estimate(['--json', '-'], 'SELECT * FROM t'),
      estimate(['--json', '--table', 't']),
    ])
    expect([fromInput.code, JSON.parse(fromInput.stdout)]).toEqual([0, json])
    expect(JSON.parse(fromTable.stdout)).toEqual(json)
  })

  it('limits of the statement do nothing at a source that bills nothing', async () => {
    expect((await estimate(['--max-cost', '0', '--max-bytes', '0', 'SELECT 1'])).code).toBe(0)
  })

  it('failures: exit code 1, wrong usage: 2', async () => {
    expect(await estimate(['SELECT * FROM missing'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('missing'),
    })
    expect((await estimate(['SELECT 1'], '', 'grpc://127.0.0.1:1')).stderr).toContain('nothing listens there')
    expect((await estimate(['--max-cost', 'much', 'SELECT 1'])).code).toBe(2)
  })

  it('a server that is no flightgate: says so', async () => {
    const upstream = await FakeUpstream.start({ login: false, answer: byMethod({}) })
    const { code, stderr } = await estimate(['SELECT 1'], '', upstream.uri)
    await upstream.stop()
    expect([code, stderr]).toEqual([1, expect.stringContaining('no flightgate')])
  })
})
