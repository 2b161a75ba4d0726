import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BreakerMode } from '../../gen/flightgate/v1/gateway_service.ts'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub } from './gateway-stub.ts'
import { type Json, jsonOf, postJson } from './http-client.ts'

const keyOf = (name: string) => `${name}-key-0123456789abcdef`
const apiKey = (name: string, roles: string[]) => ({
  name,
  key: `sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`,
  roles,
})
const slow = 'SELECT sum(a.range + b.range) FROM range(1000000) a, range(1000000) b'

describe('what operators do', () => {
  let upstream: GatewayProcess
  let gateway: GatewayProcess
  let stub: GatewayStub
  let folder = ''
  let audit = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flightgate-admin-'))
    audit = join(folder, 'audit.jsonl')
    upstream = await GatewayProcess.start()
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [apiKey('ann', ['reader']), apiKey('bob', ['reader']), apiKey('root', ['operator'])] },
      sources: { demo: { kind: 'duckdb' }, lake: { kind: 'flightsql', uri: upstream.uri, pool: { min: 0 } } },
      defaultSource: 'demo',
      auditLog: { file: audit },
    })
    stub = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(await upstream.stop()).toBe(0)
    rmSync(folder, { recursive: true, force: true })
  })

  const key = (name: string) => ({ 'x-api-key': keyOf(name) })
  const post = (name: string, path: string, body: unknown = {}) => postJson(gateway, path, body, key(name))
  const query = async (source: string, text = 'SELECT 1 AS x', timeout = '30s'): Promise<Json> =>
    await jsonOf(post('ann', '/api/v1/query', { query: text, data_source: source, timeout }))
  const fresh = (source: string) => query(source, `SELECT ${Math.random()} AS x`)
  const cliAs = (name: string, ...args: string[]) =>
    runFlightgate(['admin', ...args, '--endpoint', gateway.uri], {
      cwd: folder,
      env: { FLIGHTGATE_API_KEY: keyOf(name) },
    })
  const cli = (...args: string[]) => cliAs('root', ...args)
  const sourceOf = async (name: string): Promise<Json> =>
    await jsonOf(fetch(`http://${gateway.http}/api/v1/sources/${name}`, { headers: key('ann') }))
  const audited = (): Json[] =>
    readFileSync(audit, 'utf8')
      .split('\n')
      // The last line may be written now.
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'admin')
  const auditedOf = (name: string) => audited().filter(({ principal }) => principal === name)

  it('drain a source: what runs goes on, new statements are told when to retry, and all see the state', async () => {
    const running = query('demo', slow, '300s')
    await expect
      .poll(
        async () =>
          (await jsonOf(fetch(`http://${gateway.http}/admin/queries`, { headers: key('root') }))).queries.length,
      )
      .toBe(1)
    expect(await jsonOf(post('root', '/admin/sources/demo/drain', { reason: 'maintenance' }))).toEqual({
      confirmed: 1,
      missing: 0,
    })
    const refused = await post('ann', '/api/v1/query', { query: 'SELECT 1' })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10'])
    expect(await refused.json()).toMatchObject({ code: 'SOURCE_DRAINING', retryable: true })
    expect(await sourceOf('demo')).toMatchObject({ draining: true })
    expect(await (await fetch(`http://${gateway.http}/readyz?verbose`)).text()).toMatch(
      /^ready\n\[[- ]\] demo .*, drained by an operator: it takes no new statements\n/,
    )
    const listed = await stub.unary('listSources', {}, key('ann'))
    expect(listed.sources.map(({ name, draining }) => [name, draining])).toEqual([
      ['demo', true],
      ['lake', false],
    ])
    expect(await gateway.metric('flightgate_source_draining', { source: 'demo' })).toBe(1)
    expect(await fresh('lake')).toMatchObject({ row_count: 1 })
    // The statement that ran before still does; now it is killed.
    const { stdout } = await cli('queries', '--json')
    const [{ id, principal }] = JSON.parse(stdout).queries
    expect(principal).toBe('ann')
    // Others neither see nor end it, and the audit log tells that they tried.
    const hidden = await cliAs('bob', 'queries')
    expect(hidden).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('lacks the grant operate') })
    expect((await stub.unary('listQueries', { dataSource: '', principal: '' }, key('bob'))).queries).toEqual([])
    expect((await cliAs('bob', 'kill', id)).code).toBe(1)
    const url = `http://${gateway.http}/api/v1/queries/${id}`
    expect((await fetch(url, { method: 'DELETE', headers: key('bob') })).status).toBe(404)
    await expect.poll(() => auditedOf('bob').length).toBe(3)
    const tried = { principal: 'bob', action: 'cancel_statement', target: id, outcome: 'UNKNOWN_QUERY' }
    expect(auditedOf('bob')).toMatchObject([
      { principal: 'bob', action: 'list_statements', outcome: 'FORBIDDEN' },
      { ...tried, front: 'gateway' },
      { ...tried, front: 'http' },
    ])
    expect((await cli('queries')).stdout).toMatch(/Id +Principal +Source[\s\S]*ann +demo +running/)
    expect(await cli('kill', id, '--reason', 'too long')).toMatchObject({ code: 0 })
    expect(await running).toMatchObject({ code: 'CANCELLED' })
    expect(await stub.unary('undrainSource', { name: 'demo' }, key('root'))).toEqual({
      reach: { confirmed: 1, missing: 0 },
    })
    expect(await fresh('demo')).toMatchObject({ row_count: 1 })
    expect((await cli('drain', 'demo')).stdout).toContain('1 process has confirmed')
    expect(await fresh('demo')).toMatchObject({ code: 'SOURCE_DRAINING' })
    expect(await cli('undrain', 'DEMO')).toMatchObject({ code: 0 })
    expect(await fresh('demo')).toMatchObject({ row_count: 1 })
  }, 180_000)

  it('hold a circuit breaker open or closed, and leave it to itself again', async () => {
    expect(await fresh('lake')).toMatchObject({ row_count: 1 })
    const { address } = (await sourceOf('lake')).endpoints[0]
    expect((await cli('breaker', 'lake', 'open', '--address', address)).stdout).toContain('1 process has confirmed')
    expect(await fresh('lake')).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      detail: expect.stringContaining('held open'),
    })
    expect((await sourceOf('lake')).endpoints[0]).toMatchObject({ breaker: 'open', breaker_mode: 'open' })
    const closed = { name: 'lake', address: '', mode: BreakerMode.BREAKER_MODE_CLOSED }
    await stub.unary('setBreaker', closed, key('root'))
    expect(await fresh('lake')).toMatchObject({ row_count: 1 })
    expect((await sourceOf('lake')).endpoints[0]).toMatchObject({ breaker: 'closed', breaker_mode: 'closed' })
    expect((await post('root', '/admin/sources/lake/breaker', { mode: 'automatic' })).status).toBe(200)
    expect((await sourceOf('lake')).endpoints[0]).toMatchObject({ breaker: 'closed', breaker_mode: 'automatic' })
    const none = await post('root', '/admin/sources/demo/breaker', { mode: 'open' })
    expect([none.status, (await jsonOf(none)).code]).toEqual([400, 'BAD_REQUEST'])
    const other = await post('root', '/admin/sources/lake/breaker', { mode: 'open', address: 'grpc://elsewhere:1' })
    expect([other.status, (await jsonOf(other)).code]).toEqual([400, 'BAD_REQUEST'])
  })

  it('rotate the keys that the gateway has made: earlier tickets stay valid', async () => {
    const flight = new FlightStub(gateway.flight)
    const plan = async () => Buffer.from(ticketOf(await flight.info('SELECT 7 AS x', key('ann'))))
    const before = await plan()
    expect(await stub.unary('rotateSealKeys', {}, key('root'))).toEqual({ reach: { confirmed: 1, missing: 0 } })
    const after = await plan()
    expect(before.equals(after)).toBe(false)
    expect(await cli('rotate-keys')).toMatchObject({ code: 0 })
    for (const ticket of [before, after])
      expect(await flight.call('DoGet', [ticket], key('ann'))).toMatchObject({ code: 0 })
    flight.close()
  })

  it('clear the cache from the command line', async () => {
    expect((await cli('cache-clear', '--source', 'demo', '--json')).stdout).toMatch(/"cleared": \d+/)
    expect(await cli('cache-clear')).toMatchObject({ code: 2, stderr: expect.stringContaining('or give --all') })
    expect(await cli('cache-clear', '--all')).toMatchObject({ code: 0, stdout: expect.stringContaining('Cleared') })
  })

  it('reload the configuration from the command line, after a dry run', async () => {
    expect(await cli('reload', '--dry-run')).toMatchObject({ code: 0, stdout: 'Nothing would change.\n' })
    gateway.configure({ limits: { maxQueued: 41 } })
    const wouldChange = { code: 5, stdout: 'would change: limits.maxQueued\n' }
    expect(await cli('reload', '--dry-run', '--reason', 'to see')).toMatchObject(wouldChange)
    expect(await cli('reload', '--dry-run')).toMatchObject(wouldChange)
    expect(await cli('reload')).toMatchObject({ code: 0, stdout: 'changed: limits.maxQueued\n' })
    gateway.configure({ workers: 2 })
    expect(await cli('reload', '--dry-run', '--json')).toMatchObject({
      code: 6,
      stdout: expect.stringMatching(/"dry_run": true[\s\S]*"needs_restart": \[\s+"workers"/),
    })
    gateway.configure('nope: 1')
    const bad = await cli('reload', '--dry-run')
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/nope: unknown setting/) })
    const tried = () => audited().filter(({ action }) => action === 'reload_config')
    await expect.poll(() => tried().map(({ outcome }) => outcome)).toContain('BAD_REQUEST')
    const toSee = tried().find(({ reason }) => reason === 'to see')
    expect(toSee).toMatchObject({ details: { dryRun: true }, outcome: 'OK' })
  }, 180_000)

  it('is refused for readers by every front, and audited', async () => {
    for (const path of ['sources/demo/drain', 'sources/demo/undrain', 'seal-keys/rotate'])
      expect((await post('ann', `/admin/${path}`)).status, path).toBe(403)
    expect((await post('ann', '/admin/sources/lake/breaker', { mode: 'open' })).status).toBe(403)
    const refusals = await Promise.all([
      failureOf(stub.unary('drainSource', { name: 'demo' }, key('ann'))),
      failureOf(stub.unary('undrainSource', { name: 'demo' }, key('ann'))),
      failureOf(
        stub.unary('setBreaker', { name: 'lake', address: '', mode: BreakerMode.BREAKER_MODE_OPEN }, key('ann')),
      ),
      failureOf(stub.unary('rotateSealKeys', {}, key('ann'))),
      failureOf(stub.unary('reloadConfig', { dryRun: true }, key('ann'))),
    ])
    for (const refusal of refusals) expect(refusal).toMatchObject({ error: 'FORBIDDEN' })
    const reader = await cliAs('ann', 'drain', 'demo')
    expect(reader).toMatchObject({ code: 1, stderr: expect.stringContaining('grant operate') })
    expect((await cli('breaker', 'lake', 'ajar')).code).toBe(2)
    await expect.poll(() => auditedOf('ann').length).toBe(10)
    expect(auditedOf('ann')).toEqual(Array(10).fill(expect.objectContaining({ outcome: 'FORBIDDEN' })))
    const done = audited().filter(({ outcome }) => outcome === 'OK')
    expect(new Set(done.map(({ action }) => action))).toEqual(
      new Set([
        'drain_source',
        'undrain_source',
        'set_breaker',
        'rotate_seal_keys',
        'cancel_statement',
        'clear_cache',
        'reload_config',
      ]),
    )
    expect(done.find(({ reason }) => reason === 'maintenance')).toMatchObject({ front: 'http', source: 'demo' })
    expect(done.find(({ reason }) => reason === 'too long')).toMatchObject({ front: 'gateway' })
  })
})

it('two workers: an action reaches both; keys are left to the configuration', async () => {
  const pair = await GatewayProcess.start({ workers: 2 })
  const post = (path: string, body: unknown = {}) => postJson(pair, path, body, { connection: 'close' })
  try {
    const started = post('/api/v1/query', { query: slow, timeout: '300s' })
    const queries = async () => (await jsonOf(fetch(`http://${pair.http}/admin/queries`))).queries
    await expect.poll(async () => (await queries()).length).toBe(1)
    const [{ id }] = await queries()
    // One of the calls comes to the worker that does not run the statement.
    const killed = await Promise.all([post(`/admin/queries/${id}/cancel`), post(`/admin/queries/${id}/cancel`)])
    expect(killed.map(({ status }) => status)).toContain(204)
    expect((await started).status).toBe(499)
    // A worker that takes more than a second counts as missing.
    const confirmed = (action: string) =>
      expect
        .poll(() => jsonOf(post(`/admin/sources/demo/${action}`)), { interval: 200 })
        .toEqual({ confirmed: 2, missing: 0 })
    await confirmed('drain')
    for (let i = 0; i < 4; i++)
      expect(await jsonOf(post('/api/v1/query', { query: `SELECT ${i}` }))).toMatchObject({ code: 'SOURCE_DRAINING' })
    await confirmed('undrain')
    expect((await post('/admin/seal-keys/rotate')).status).toBe(501)
  } finally {
    expect(await pair.stop()).toBe(0)
  }
})
