import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../wait-for.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const KEYS = [
  { name: 'ann', key: 'ann-key', roles: ['reader'] },
  { name: 'ops', key: 'ops-key', roles: ['admin'] },
]

let gateway: GatewayProcess
beforeAll(async () => {
  gateway = await GatewayProcess.start({ auth: { apiKeys: KEYS }, log: { level: 'info' } })
})
afterAll(() => gateway?.stop())

/** Runs a statement over HTTP; returns the status and the answer. */
async function query(sql: string, key: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await postJson(gateway, '/api/v1/query', { query: sql }, { authorization: `Bearer ${key}` })
  return { status: answer.status, text: await answer.text() }
}

describe('SIGHUP', () => {
  it('a file without changes changes nothing', async () => {
    expect(await gateway.reload()).toMatchObject({ outcome: 'unchanged', changed: [], needsRestart: [] })
    expect(await gateway.metric('flightgate_config_reloads_total', { outcome: 'unchanged' })).toBe(1)
  })

  it('a revoked key is refused at the next call, and a new one is valid', async () => {
    expect((await query('SELECT 1', 'ann-key')).status).toBe(200)
    const line = await gateway.reload({ auth: { apiKeys: [{ ...KEYS[0], key: 'new-key' }, KEYS[1]] } })
    expect(line).toMatchObject({ outcome: 'applied', changed: ['auth.apiKeys.ann.key'], by: 'SIGHUP' })
    expect((await query('SELECT 1', 'ann-key')).status).toBe(401)
    expect((await query('SELECT 1', 'new-key')).status).toBe(200)
    await gateway.reload({ auth: { apiKeys: KEYS } })
  })

  it('ends the bearer tokens of a revoked key, and the session of the console', async () => {
    const login = await postJson(
      gateway,
      '/console/session',
      {},
      { authorization: 'Bearer ann-key', 'x-flightgate-console': '1' },
    )
    const cookie = login.headers.getSetCookie()[0]!.split(';')[0]!
    const token = cookie.slice(cookie.indexOf('=') + 1)
    const asConsole = () =>
      postJson(gateway, '/api/v1/query', { query: 'SELECT 1' }, { cookie, 'x-flightgate-console': '1' })
    expect([(await query('SELECT 1', token)).status, (await asConsole()).status]).toEqual([200, 200])
    await gateway.reload({ auth: { apiKeys: [KEYS[1]] } })
    expect([(await query('SELECT 1', token)).status, (await asConsole()).status]).toEqual([401, 401])
    await gateway.reload({ auth: { apiKeys: KEYS } })
  })

  it('changes quotas, limits and statement timeouts', async () => {
    await gateway.reload({
      limits: { maxStatementBytes: 1024 },
      sources: { demo: { kind: 'duckdb', statementTimeoutMs: 50 } },
    })
    expect((await query(`SELECT '${'x'.repeat(1024)}'`, 'ann-key')).text).toContain('limits.maxStatementBytes')
    expect((await query('SELECT count(*) FROM range(1000000) a, range(1000000) b', 'ann-key')).text).toContain(
      'sources.demo.statementTimeoutMs',
    )
    await gateway.reload({ quotas: { requestsPerMinute: 1 }, limits: {}, sources: { demo: { kind: 'duckdb' } } })
    // Of two requests in one minute the second is refused; a minute may end between them.
    const status = async () => (await query(`SELECT '${'x'.repeat(1024)}'`, 'ann-key')).status
    expect(await status()).toBe(200)
    await expect.poll(status).toBe(429)
    await gateway.reload({ quotas: {} })
    expect(await status()).toBe(200)
  })

  it('changes the log level, also of the loggers of sources', async () => {
    const reloads = () => gateway.metric('flightgate_config_reloads_total', { outcome: 'applied' })
    const before = await reloads()
    gateway.configure({ log: { level: 'error' } })
    gateway.signal('SIGHUP')
    await waitFor(async () => (await reloads()) > before, 'the reload')
    const headers = { authorization: 'Bearer wrong', 'x-request-id': 'below-the-level' }
    expect((await postJson(gateway, '/api/v1/query', { query: 'SELECT 1' }, headers)).status).toBe(401)
    // Written after the call, so lines of the call would stand before it.
    expect(await gateway.reload('nope: 1')).toMatchObject({ level: 'error' })
    expect(gateway.lines.filter(({ requestId }) => requestId === 'below-the-level')).toEqual([])
    expect(await gateway.reload({ log: { level: 'info' } })).toMatchObject({ changed: ['log.level'] })
  })

  it('a bad file changes nothing, and the log and the metrics say so', async () => {
    const line = await gateway.reload('auth: { apiKeys: [ { name: eve, key: hunter2, roles: [king] } ] }\nnope: 1')
    expect(line).toMatchObject({ outcome: 'refused', level: 'error' })
    expect(line['problems']).toEqual(expect.arrayContaining([expect.stringMatching(/^nope: unknown setting/)]))
    expect(JSON.stringify(line)).not.toContain('hunter2')
    expect((await query('SELECT 1', 'ann-key')).status).toBe(200)
    expect((await query('SELECT 1', 'hunter2')).status).toBe(401)
    expect(await gateway.metric('flightgate_config_reload_success')).toBe(0)
    expect(await gateway.reload({})).toMatchObject({ outcome: 'unchanged' })
    expect(await gateway.metric('flightgate_config_reload_success')).toBe(1)
  })

  it('what needs a restart is named, and the rest is applied', async () => {
    const line = await gateway.reload({
      listen: { flight: '127.0.0.1:1', http: '127.0.0.1:0' },
      limits: { maxQueued: 7 },
    })
    expect(line).toMatchObject({ outcome: 'applied', changed: ['limits.maxQueued'], needsRestart: ['listen.flight'] })
    expect(await gateway.reload()).toMatchObject({ outcome: 'unchanged', needsRestart: ['listen.flight'] })
    await gateway.reload({ listen: { flight: '127.0.0.1:0', http: '127.0.0.1:0' }, limits: {} })
  })

  it('a limit that contradicts one that stays is refused', async () => {
    const line = await gateway.reload({ limits: { maxStatementBytes: 32 << 20, maxInboundMessageBytes: 64 << 20 } })
    expect(line).toMatchObject({
      outcome: 'refused',
      problems: [expect.stringMatching(/^limits.maxStatementBytes: 33554432 is above limits.maxInboundMessageBytes/)],
    })
    await gateway.reload({ limits: {} })
  })

  it('twice at once: the reloads follow each other', async () => {
    const reloads = () => gateway.lines.filter(({ event }) => event === 'reload')
    const before = reloads().length
    gateway.configure({ limits: { maxQueued: 8 } })
    gateway.signal('SIGHUP')
    gateway.signal('SIGHUP')
    await waitFor(() => reloads().length > before, 'the reload')
    expect((await query('SELECT 1', 'ann-key')).status).toBe(200)
    // Follows the second signal, of which a line may come after the test.
    const last = await jsonOf(postJson(gateway, '/admin/reload', {}, { 'x-api-key': 'ops-key' }))
    expect(last).toMatchObject({ outcome: 'unchanged' })
    // The system may deliver two signals as one.
    const changed = reloads()
      .slice(before)
      .map((line) => String(line['changed']))
    expect(changed.filter((each) => each !== '')).toEqual(['limits.maxQueued'])
  })
})

describe('POST /admin/reload', () => {
  const reload = (key: string) => postJson(gateway, '/admin/reload', {}, { 'x-api-key': key })

  it('tells what has changed and what needs a restart', async () => {
    gateway.configure({ limits: { maxQueued: 9 }, workers: 3 })
    expect(await jsonOf(reload('ops-key'))).toMatchObject({
      outcome: 'applied',
      changed: ['limits.maxQueued'],
      needs_restart: expect.arrayContaining(['workers']),
      digest: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    gateway.configure({ limits: {}, workers: 1 })
    await reload('ops-key')
  })

  it('as a dry run tells what it would do, and changes nothing', async () => {
    const tryOut = () => postJson(gateway, '/admin/reload', { dry_run: true }, { 'x-api-key': 'ops-key' })
    gateway.configure({ limits: { maxQueued: 10 }, workers: 3 })
    const would = { outcome: 'applied', dry_run: true, changed: ['limits.maxQueued'], problems: [] }
    expect(await jsonOf(tryOut())).toMatchObject({ ...would, needs_restart: expect.arrayContaining(['workers']) })
    expect(await jsonOf(tryOut())).toMatchObject(would)
    gateway.configure('nope: 1')
    const answer = await tryOut()
    expect([answer.status, (await jsonOf(answer)).detail]).toEqual([
      400,
      expect.stringMatching(/nope: unknown setting/),
    ])
    gateway.configure({ limits: {}, workers: 1 })
    expect(await jsonOf(tryOut())).toMatchObject({ outcome: 'unchanged' })
  })

  it('answers a bad file with its problems, without secrets', async () => {
    gateway.configure('auth: { apiKeys: [ { name: eve, key: "sha256:hunter2" } ] }\nnope: 1')
    const answer = await reload('ops-key')
    const { detail } = await jsonOf(answer)
    expect([answer.status, detail]).toEqual([400, expect.stringMatching(/nope: unknown setting/)])
    expect(detail).toContain('auth.apiKeys[0].key: must be sha256:')
    expect(detail).not.toContain('hunter2')
    gateway.configure({})
  })

  it('is for operators only', async () => {
    expect((await reload('ann-key')).status).toBe(403)
    expect((await reload('wrong')).status).toBe(401)
  })
})

it('while the gateway drains, a reload is refused and the log says why', async () => {
  const long = query('SELECT count(*) FROM range(1000000) a, range(1000000) b', 'ops-key').catch(() => {})
  await waitFor(async () => (await gateway.metric('flightgate_statements_in_flight')) > 0, 'the statement')
  gateway.signal('SIGTERM')
  await gateway.line(({ event }) => event === 'drain')
  expect(await gateway.reload({ limits: { maxQueued: 11 } })).toMatchObject({
    outcome: 'refused',
    problems: ['the gateway drains: the file is read at the next start'],
  })
  gateway.signal('SIGTERM')
  await Promise.all([gateway.exited, long])
})
