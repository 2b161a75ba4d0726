import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BasicAuth, HandshakeRequest } from '../../gen/arrow/flight/protocol/Flight.ts'
import { waitFor } from '../wait-for.ts'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { type Json, jsonOf, postJson } from './http-client.ts'

let folder = ''
let file = ''
let gateway: GatewayProcess

const keyOf = (name: string) => `${name}-key-0123456789abcdef`
const apiKey = (name: string, roles: string[]) => ({
  name,
  key: `sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`,
  roles,
})
const apiKeys = [apiKey('ann', ['reader', 'writer']), apiKey('bob', ['reader']), apiKey('root', ['reader', 'admin'])]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flightgate-audit-'))
  file = join(folder, 'audit.jsonl')
  gateway = await GatewayProcess.start({
    auth: { apiKeys },
    sources: { demo: { kind: 'duckdb', writes: true, sample: { tpch: 0.01 } } },
    auditLog: { file, statements: 'text' },
  })
})
afterAll(async () => {
  expect(await gateway.stop()).toBe(0)
  rmSync(folder, { recursive: true, force: true })
})

const linesOf = (path = file): Json[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        // The last line may be written now.
        .slice(0, -1)
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : []
const lineWhere = async (matches: (line: Json) => boolean, path = file): Promise<Json> =>
  await waitFor(() => linesOf(path).find(matches), `an audit line that fulfils ${matches}`)
const post = (name: string, path: string, body: unknown, headers = {}) =>
  postJson(gateway, path, body, { 'x-api-key': keyOf(name), ...headers })
/** Runs a statement and returns its line. */
const audited = async (query: string, headers = {}): Promise<Json> => {
  const requestId = `audit-${Math.random().toString(36).slice(2)}`
  await (await post('ann', '/api/v1/query', { query }, { 'x-request-id': requestId, ...headers })).text()
  return await lineWhere((line) => line.requestId === requestId)
}

describe('the audit log', () => {
  it('has one line for each statement: who, what, which tables, how much, how it ended', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'x-forwarded-for': '203.0.113.7' }
    const query = 'SELECT n_name FROM nation JOIN region ON n_regionkey = r_regionkey'
    const line = await audited(query, headers)
    expect(line).toMatchObject({
      audit: 1,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      event: 'statement',
      pid: gateway.pid,
      queryId: expect.stringMatching(/^[0-9a-f]{12}-/),
      front: 'http',
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      forwardedFor: '203.0.113.7',
      principal: 'ann',
      authentication: 'api_key',
      roles: ['reader', 'writer'],
      groups: [],
      traceId,
      step: 'run',
      kind: 'read',
      source: 'demo',
      hash: createHash('sha256').update(query).digest('hex').slice(0, 16),
      text: query,
      tablesChanged: [],
      rows: 25,
      billedBytes: null,
      costUsd: null,
      cache: 'MISS',
      outcome: 'OK',
    })
    expect(line.tablesRead.toSorted()).toEqual(['nation', 'region'])
    for (const name of ['bytes', 'totalMs', 'queueMs', 'planMs']) expect(line[name], name).toBeGreaterThanOrEqual(0)
  })

  it('tells which tables statements change, and what they read through a view', async () => {
    expect(await audited('CREATE TABLE kept (x INTEGER)')).toMatchObject({ kind: 'update', tablesChanged: null })
    expect(await audited('INSERT INTO kept VALUES (1)')).toMatchObject({
      kind: 'update',
      tablesChanged: ['kept'],
      tablesRead: [],
    })
    const copied = await audited('INSERT INTO kept SELECT n_nationkey FROM nation')
    expect(copied).toMatchObject({ tablesChanged: ['kept'], tablesRead: ['nation'] })
    const updated = await audited('UPDATE kept SET x = 2 WHERE x IN (SELECT r_regionkey FROM region)')
    expect(updated).toMatchObject({ tablesChanged: ['kept'] })
    expect(updated.tablesRead.toSorted()).toEqual(['kept', 'region'])
    const deleted = await audited('DELETE FROM main.kept WHERE x > 3')
    expect(deleted).toMatchObject({ tablesChanged: ['kept'], tablesRead: ['kept'] })
    expect((await audited('CREATE TABLE copy AS SELECT * FROM kept')).tablesRead).toBeNull()
    await audited('CREATE VIEW v AS SELECT * FROM kept')
    expect((await audited('SELECT * FROM v')).tablesRead.toSorted()).toEqual(['kept', 'v'])
    expect((await audited('SELECT *, random() FROM kept')).tablesRead).toEqual(['kept'])
  })

  it('has refused and failed statements, and those of batches', async () => {
    expect(await audited('SELEC 1')).toMatchObject({ step: 'plan', outcome: 'BAD_SQL', rows: 0 })
    const requestId = 'audit-batch'
    const queries = [{ query: 'SELECT 1 AS a' }, { query: 'SELECT 2 AS a' }, { query: 'SELECT * FROM nowhere' }]
    await (await post('ann', '/api/v1/batch', { queries }, { 'x-request-id': requestId })).text()
    const outcomes = () => linesOf().flatMap((line) => (line.requestId === requestId ? [line.outcome] : []))
    await expect.poll(() => outcomes().toSorted()).toEqual(['OK', 'OK', 'UNKNOWN_OBJECT'])
    const forbidden = 'audit-forbidden'
    await (
      await post('bob', '/api/v1/query', { query: 'INSERT INTO kept VALUES (2)' }, { 'x-request-id': forbidden })
    ).text()
    expect(await lineWhere((line) => line.requestId === forbidden)).toMatchObject({ outcome: 'FORBIDDEN' })
  })

  it('never has parameters or secrets', async () => {
    const requestId = 'audit-secrets'
    const body = { query: 'SELECT $1 AS x', parameters: ['parameter-hush'] }
    await (await post('ann', '/api/v1/query', body, { 'x-request-id': requestId })).text()
    await lineWhere((line) => line.requestId === requestId)
    await audited("CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'secret-hush')")
    await audited("ATTACH 'postgres://u:attach-hush@h/d'")
    const text = readFileSync(file, 'utf8')
    expect(text).not.toMatch(/hush|key-0123456789abcdef/)
    expect(text).toContain('CREATE SECRET ***')
  })

  it('tells what a refused caller of gRPC has tried', async () => {
    const flight = new FlightStub(gateway.flight)
    const refused = async (method: string, messages: readonly Uint8Array[], headers: Record<string, string>) => {
      const requestId = `login-${Math.random()}`
      const { code } = await flight.call(method, messages, { ...headers, 'x-request-id': requestId })
      expect(code).toBe(16)
      return (await lineWhere((line) => line.requestId === requestId)).authentication
    }
    const calls: [string, Record<string, string>][] = [
      ['api_key', { 'x-api-key': 'wrong-hush' }],
      ['basic', { authorization: `Basic ${Buffer.from('ann:hush').toString('base64')}` }],
      ['token', { authorization: 'Bearer fgt_AAAAhush' }],
      ['oidc', { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.' }],
      ['none', {}],
    ]
    for (const [tried, headers] of calls)
      expect(await refused('GetFlightInfo', [commandOf('SELECT 1')], headers)).toBe(tried)
    const payload = BasicAuth.encode({ username: 'ann', password: 'wrong-hush' }).finish()
    const login = HandshakeRequest.encode({ protocolVersion: 0n, payload }).finish()
    expect(await refused('Handshake', [login], {})).toBe('basic')
    expect(await refused('Handshake', [], { 'x-api-key': 'wrong-hush' })).toBe('api_key')
    flight.close()
    // The limit of lines is for a second.
    await new Promise((resolve) => setTimeout(resolve, 1100))
  })

  it('has refused logins of all fronts within a limit, and counts those left out', async () => {
    const login = () => fetch(`http://${gateway.http}/api/v1/sources`, { headers: { 'x-api-key': 'wrong-hush' } })
    // The limit is for a second, so they come together.
    const answers = await Promise.all(Array.from({ length: 40 }, login))
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(401))
    const refused = await lineWhere((line) => line.event === 'login_failed' && line.front === 'http')
    expect(refused).toMatchObject({
      front: 'http',
      principal: null,
      authentication: 'api_key',
      outcome: 'UNAUTHENTICATED',
    })
    expect(refused.client).toMatch(/^127\.0\.0\.1:/)
    await lineWhere((line) => line.event === 'login_failed' && line.omitted > 0)
    const lines = () =>
      linesOf().filter(({ event, front, omitted }) => event === 'login_failed' && (front === 'http' || omitted > 0))
    await expect.poll(() => lines().reduce((sum, { omitted }) => sum + (omitted ?? 1), 0)).toBe(40)
    expect(JSON.stringify(lines())).not.toContain('hush')
  })

  it('has what operators do, also what is refused', async () => {
    const clear = (name: string) => post(name, '/admin/cache/clear', { data_source: 'demo', reason: 'loaded again' })
    expect((await clear('root')).status).toBe(200)
    expect((await clear('ann')).status).toBe(403)
    expect(await lineWhere(({ event, outcome }) => event === 'admin' && outcome === 'OK')).toMatchObject({
      action: 'clear_cache',
      principal: 'root',
      source: 'demo',
      reason: 'loaded again',
    })
    expect(await lineWhere(({ event, outcome }) => event === 'admin' && outcome === 'FORBIDDEN')).toMatchObject({
      action: 'clear_cache',
      principal: 'ann',
    })
  })

  it('goes on in a new file after a rename and SIGHUP, and after a truncation', async () => {
    renameSync(file, `${file}.1`)
    gateway.signal('SIGHUP')
    expect(await lineWhere(({ event }) => event === 'reload')).toMatchObject({ by: 'SIGHUP', outcome: 'unchanged' })
    await audited('SELECT 71 AS renamed')
    expect(linesOf(`${file}.1`).some(({ text }) => /renamed/.test(text))).toBe(false)
    truncateSync(file)
    await audited('SELECT 72 AS truncated')
    expect(linesOf().length).toBe(1)
  })

  it('on a full disk statements run on, and the metrics tell of it', async () => {
    renameSync(file, `${file}.2`)
    symlinkSync('/dev/full', file)
    gateway.signal('SIGHUP')
    // The line of the reload is the first one that cannot be written.
    await gateway.line(({ event, level }) => event === 'audit' && level === 'error')
    expect((await post('ann', '/api/v1/query', { query: 'SELECT 73 AS full' })).status).toBe(200)
    expect(await gateway.metric('flightgate_audit_up')).toBe(0)
    expect((await post('ann', '/api/v1/query', { query: 'SELECT 74 AS full' })).status).toBe(200)
    unlinkSync(file)
    await lineWhere(({ text }) => text === 'SELECT 74 AS full')
    await lineWhere(({ text }) => text === 'SELECT 73 AS full')
    await expect.poll(() => gateway.metric('flightgate_audit_up')).toBe(1)
    expect(await gateway.metric('flightgate_audit_lines_total', { event: 'statement' })).toBeGreaterThan(10)
  })
})

it('with onError refuse, new statements fail closed while the disk is full', async () => {
  const path = join(folder, 'refuse.jsonl')
  const refusing = await GatewayProcess.start({ auditLog: { file: path, onError: 'refuse' } })
  const run = async () => await jsonOf(postJson(refusing, '/api/v1/query', { query: 'SELECT 1 AS x' }))
  try {
    expect(await run()).toMatchObject({ row_count: 1 })
    await lineWhere(({ event }) => event === 'statement', path)
    expect(linesOf(path)[0]).not.toHaveProperty('text')
    renameSync(path, `${path}.1`)
    symlinkSync('/dev/full', path)
    refusing.signal('SIGHUP')
    await expect.poll(async () => (await run()).code).toBe('AUDIT_UNAVAILABLE')
    expect(await refusing.metric('flightgate_audit_refusals_total')).toBeGreaterThan(0)
    const readiness = async () => {
      const answer = await fetch(`http://${refusing.http}/readyz?verbose`)
      return [answer.status, (await answer.text()).split('\n')[0], await refusing.metric('flightgate_ready')]
    }
    expect(await readiness()).toEqual([503, 'not ready: the audit log cannot be written', 0])
    unlinkSync(path)
    await expect.poll(async () => (await run()).row_count).toBe(1)
    expect(await readiness()).toEqual([200, 'ready', 1])
  } finally {
    expect(await refusing.stop()).toBe(0)
  }
})

it('of two workers, each appends whole lines to the same file, also the last ones before its end', async () => {
  const path = join(folder, 'workers.jsonl')
  const pair = await GatewayProcess.start({ workers: 2, auditLog: { file: path, statements: 'text' } })
  const filler = 'x'.repeat(5000)
  const run = async (i: number) =>
    await (
      await postJson(pair, '/api/v1/query', { query: `SELECT ${i} AS n, '${filler}' AS f` }, { connection: 'close' })
    ).text()
  await Promise.all(Array.from({ length: 24 }, (_, i) => run(i)))
  await pair.reload({ limits: { maxQueued: 7 } })
  await expect.poll(() => linesOf(path).filter(({ event }) => event === 'statement').length).toBe(24)
  await lineWhere(({ event }) => event === 'reload', path)
  // A tool that rotates tells the process that starts the workers: each worker notices the new file by itself, within 250 ms.
  renameSync(path, `${path}.1`)
  const broken = { kind: 'duckdb', init: ['SELECT nonsense'] }
  await pair.reload({ sources: { demo: { kind: 'duckdb' }, broken }, defaultSource: 'demo' })
  await new Promise((resolve) => setTimeout(resolve, 300))
  await Promise.all(Array.from({ length: 8 }, (_, i) => run(24 + i)))
  expect(await pair.stop()).toBe(0)
  const texts = linesOf(path).flatMap(({ event, text }) => (event === 'statement' ? [text] : []))
  expect(texts.map((text) => Number(/\d+/.exec(text)![0])).toSorted()).toEqual([24, 25, 26, 27, 28, 29, 30, 31])
  const all = [...linesOf(`${path}.1`), ...linesOf(path)]
  expect(all.filter(({ event }) => event === 'reload')).toEqual([
    expect.objectContaining({ by: 'SIGHUP', outcome: 'applied', changed: ['limits.maxQueued'], needsRestart: [] }),
    expect.objectContaining({
      by: 'SIGHUP',
      outcome: 'refused',
      problems: [expect.stringMatching(/^sources.broken.init\[0\]: /)],
    }),
  ])
  const lines = linesOf(`${path}.1`).filter(({ event }) => event === 'statement')
  expect(lines.length).toBe(24)
  expect(new Set(lines.map(({ pid }) => pid)).size).toBe(2)
})

it('on standard output the lines stand among those of the log, each within what a pipe takes at once', async () => {
  const alone = await GatewayProcess.start({ auditLog: { file: 'stdout', statements: 'text' } })
  try {
    await (await postJson(alone, '/api/v1/query', { query: `SELECT '${'"'.repeat(9000)}' AS x` })).text()
    const line = await alone.line(({ audit, event }) => audit === 1 && event === 'statement')
    expect(line).toMatchObject({ cut: true, outcome: 'OK' })
    expect(JSON.stringify(line).length).toBeLessThan(4096)
  } finally {
    expect(await alone.stop()).toBe(0)
  }
})

it('a file that cannot be opened ends the start, with the setting at fault', async () => {
  const start = GatewayProcess.start({ auditLog: { file: join(folder, 'none', 'audit.jsonl') } })
  await expect(start).rejects.toThrow(/auditLog\.file: ENOENT/)
})
