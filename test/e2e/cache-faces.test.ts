import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CacheResult } from '../../gen/flightgate/v1/gateway_service.ts'
import { runFlightgate } from '../cli/run-flightgate.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, sql } from './gateway-stub.ts'
import { jsonOf, postJson } from './http-client.ts'
import { hasJdbcProgram, runJdbc } from './jdbc-program.ts'
import { hasPython, runPython } from './python.ts'

const keyOf = (name: string) => `${name}-key-0123456789abcdef`
const apiKey = (name: string, roles: string[]) => ({
  name,
  key: `sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`,
  roles,
})
const as = (name: string) => ({ 'x-api-key': keyOf(name) })
const text = 'SELECT id FROM numbers WHERE id < 3'

/** The result cache through real clients of a real process: what they ask, what they are told, and what operators do. */
describe('the result cache', () => {
  let gateway: GatewayProcess
  let service: GatewayStub

  beforeAll(async () => {
    const init = ['CREATE TABLE numbers AS SELECT range AS id FROM range(100)']
    gateway = await GatewayProcess.start({
      auth: { apiKeys: [apiKey('ann', ['reader']), apiKey('bob', ['reader']), apiKey('root', ['reader', 'admin'])] },
      sources: { demo: { kind: 'duckdb', init }, other: { kind: 'duckdb', init } },
      defaultSource: 'demo',
      cache: { maxBytes: 1 << 20 },
    })
    service = new GatewayStub(gateway.flight)
  })
  afterAll(async () => {
    service?.close()
    expect(await gateway.stop()).toBe(0)
  })
  beforeEach(async () => {
    expect((await admin('DELETE')).status).toBe(200)
  })

  const admin = (method: string, query = '', name = 'root') =>
    fetch(`http://${gateway.http}/api/v1/cache${query}`, { method, headers: as(name) })
  const post = (body: object, headers: Readonly<Record<string, string>> = as('ann')) =>
    postJson(gateway, '/api/v1/query', body, headers)
  const statusOf = async (body: object, headers?: Readonly<Record<string, string>>) => {
    const answer = await post(body, headers)
    await answer.arrayBuffer()
    return answer.headers.get('results-cache-status')
  }
  /** What the cache did for the statements of a work. */
  const countsOf = async (work: () => Promise<unknown>) => {
    const read = async () => (await jsonOf(admin('GET'))).data_sources[0]
    const before = await read()
    await work()
    const after = await read()
    return Object.fromEntries(['hits', 'misses', 'bypasses'].map((name) => [name, after[name] - before[name]]))
  }

  it('HTTP: a miss, then a hit with its age, private to its caller', async () => {
    const miss = await post({ query: text })
    expect(miss.headers.get('cache-status')).toBe('flightgate; fwd=miss; stored')
    expect(await miss.json()).toMatchObject({ rows: [{ id: 0 }, { id: 1 }, { id: 2 }], metrics: { cache_hit: false } })
    const hit = await post({ query: text })
    expect(hit.headers.get('cache-status')).toMatch(/^flightgate; hit; ttl=(300|2\d\d)$/)
    expect([hit.headers.get('results-cache-status'), hit.headers.get('age')]).toEqual([
      'HIT',
      expect.stringMatching(/^\d+$/),
    ])
    expect(hit.headers.get('cache-control')).toBe('private, no-store')
    expect(hit.headers.get('vary')).toContain('authorization, x-api-key')
    expect(await hit.json()).toMatchObject({
      rows: [{ id: 0 }, { id: 1 }, { id: 2 }],
      metrics: { cache_hit: true, cache: { result: 'HIT', collapsed: false } },
    })
    expect(await statusOf({ query: text }, as('bob'))).toBe('MISS')
  })

  it('HTTP: directives in headers and members', async () => {
    await statusOf({ query: text })
    const withHeader = (value: string) => statusOf({ query: text }, { ...as('ann'), 'cache-control': value })
    expect(await withHeader('no-store')).toBe('BYPASS')
    expect(await withHeader('max-age=60')).toBe('HIT')
    expect(await withHeader('min-fresh=100000')).toBe('MISS')
    expect(await statusOf({ query: text, cache_control: 'no-cache' })).toBe('BYPASS')
    expect(await statusOf({ query: text }, { ...as('ann'), pragma: 'no-cache' })).toBe('BYPASS')
    expect(await statusOf({ query: text })).toBe('HIT')
    const absent = await post({ query: 'SELECT id FROM numbers WHERE id < 9', cache_control: 'only-if-cached' })
    expect([absent.status, await absent.json()]).toEqual([504, expect.objectContaining({ code: 'NOT_CACHED' })])
    expect(await statusOf({ query: text, cache_control: 'only-if-cached' })).toBe('HIT')
  })

  it('curl: a reload asks for rows that are no older than now', async () => {
    const run = promisify(execFile)
    const ask = async (...more: string[]) => {
      const args = ['-sS', '-D', '-', '-o', '/dev/null', '-H', `x-api-key: ${keyOf('ann')}`, ...more]
      const body = JSON.stringify({ query: text })
      const url = `http://${gateway.http}/api/v1/query`
      const { stdout } = await run('curl', [...args, '-H', 'content-type: application/json', '-d', body, url])
      return /^results-cache-status: (\w+)/im.exec(stdout)?.[1]
    }
    expect([await ask(), await ask(), await ask('-H', 'cache-control: max-age=0')]).toEqual(['MISS', 'HIT', 'MISS'])
  })

  it.runIf(hasPython())(
    'pyarrow reads the status, ADBC asks by headers and session options',
    { timeout: 60_000 },
    async () => {
      let answers: Record<string, unknown> = {}
      const counts = await countsOf(async () => {
        answers = await runPython('result_cache.py', gateway.uri, keyOf('ann'))
      })
      expect(answers).toEqual({
        miss: [3, 'MISS', 'flightgate; fwd=miss; stored', false],
        hit: [3, 'HIT', expect.stringMatching(/^flightgate; hit; ttl=\d+$/), true],
        raw: 'HIT',
        'no-cache at GetFlightInfo': [3, 'BYPASS', 'flightgate; fwd=request; stored; detail=no-cache', false],
        'no-store at DoGet': [3, 'BYPASS', 'flightgate; fwd=bypass; detail=no-store', false],
        'only-if-cached': [3, 'HIT', expect.any(String), true],
        'only-if-cached without rows': ['ArrowKeyError', expect.stringContaining('only-if-cached')],
        malformed: ['ArrowInvalid', expect.stringContaining('max-age needs a whole number of seconds')],
        'adbc hit': 3,
        'adbc header': 3,
        'adbc option': 3,
        'adbc only-if-cached': expect.stringContaining('NOT_FOUND'),
      })
      expect(counts).toEqual({ hits: 4, misses: 1, bypasses: 4 })
    },
  )

  it.runIf(hasJdbcProgram('JdbcRead'))('JDBC asks by properties of the URL', { timeout: 60_000 }, async () => {
    const login = `demo&user=ann&password=${keyOf('ann')}`
    const noStore = `${login}&cache-control=no-store`
    const onlyCached = `${login}&cache-control=only-if-cached%2C%20max-age%3D60`
    const tagged = `${login}&x-flightgate-cache-tags=jdbc`
    const other = 'SELECT id FROM numbers WHERE id < 2'
    const counts = await countsOf(async () => {
      const rows = await runJdbc('JdbcRead', '18.3.0', [
        gateway.flight,
        ...[login, text],
        ...[noStore, text],
        ...[onlyCached, text],
        ...[tagged, other],
      ])
      expect(Object.values(rows)).toEqual(expect.arrayContaining([expect.stringContaining('0; 1')]))
      expect(JSON.stringify(rows)).not.toContain('FAILED')
    })
    expect(counts).toEqual({ hits: 1, misses: 2, bypasses: 1 })
    expect(await jsonOf(admin('DELETE', '?tag=jdbc'))).toEqual({ cleared: 1 })
  })

  it('Gateway service: a gRPC client asks by the statement or by metadata, and is told in both', async () => {
    const statement = sql(text)
    const cacheOf = async (headers: Readonly<Record<string, string>> = {}, own = statement) => {
      const parts = await service.read('execute', { statement: own }, { ...as('ann'), ...headers })
      const last = parts.at(-1)?.part
      return last?.$case === 'summary' ? last.value.metrics?.cache : undefined
    }
    expect(await cacheOf()).toMatchObject({ result: CacheResult.CACHE_RESULT_MISS, stored: true })
    const hit = await cacheOf({ 'cache-control': 'max-age=60' })
    expect([hit?.result, (hit?.ttlMs ?? 0n) > 200_000n, (hit?.ageMs ?? 999_999n) < 100_000n]).toEqual([
      CacheResult.CACHE_RESULT_HIT,
      true,
      true,
    ])
    const control = { noCache: false, noStore: true, onlyIfCached: false, ttlMs: 0n, key: '', tags: [] }
    expect(await cacheOf({ 'cache-control': 'max-age=60' }, sql(text, { cacheControl: control }))).toMatchObject({
      result: CacheResult.CACHE_RESULT_BYPASS,
      detail: 'no-store',
    })
    const absent = service.read(
      'execute',
      { statement: sql('SELECT id FROM numbers WHERE id < 7') },
      {
        ...as('ann'),
        'cache-control': 'only-if-cached',
      },
    )
    expect(await failureOf(absent)).toMatchObject({ code: 5, error: 'NOT_CACHED' })
  })

  describe('for operators', () => {
    const fill = async () => {
      await statusOf({ query: text, cache_tags: ['sales', 'eu'] })
      await statusOf({ query: text, cache_key: 'daily' })
      await statusOf({ query: text }, as('bob'))
      await statusOf({ query: text, data_source: 'other' })
    }
    const flightgate = (...args: string[]) =>
      runFlightgate(['cache', ...args, '--endpoint', gateway.uri], {
        cwd: '/',
        env: { FLIGHTGATE_API_KEY: keyOf('root') },
      })

    it('HTTP: tells the state, and clears by source, tag, key and principal', async () => {
      await fill()
      const stats = await jsonOf(admin('GET'))
      expect(stats).toMatchObject({ entries: 4, max_bytes: 1 << 20, shared: null })
      expect(stats.data_sources.map((each: { entries: number }) => each.entries)).toEqual([3, 1])
      const clear = async (query: string) => (await jsonOf(admin('DELETE', query))).cleared
      expect(await clear('?tag=eu&principal=bob')).toBe(0)
      expect(await clear('?tag=eu')).toBe(1)
      expect(await clear('?key=daily')).toBe(1)
      expect(await clear('?data_source=other')).toBe(1)
      expect(await clear('?principal=bob')).toBe(1)
      expect((await jsonOf(admin('GET'))).entries).toBe(0)
    })

    it('HTTP: refuses what is unknown, malformed or not allowed', async () => {
      for (const [query, status, word] of [
        ['?data_source=nope', 404, 'UNKNOWN_SOURCE'],
        ['?tag=a%20b', 400, 'tag'],
        ['?nope=1', 400, 'nope'],
      ] as const) {
        const answer = await admin('DELETE', query)
        expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(word)])
      }
      for (const method of ['GET', 'DELETE']) expect((await admin(method, '', 'ann')).status).toBe(403)
    })

    it('Gateway service: the same', async () => {
      await fill()
      const stats = await service.unary('getCacheStats', {}, as('root'))
      expect(stats).toMatchObject({ entries: 4n, maxBytes: 1n << 20n, shared: undefined })
      expect(stats.dataSources[0]).toMatchObject({ dataSource: 'demo', entries: 3n })
      const all = { dataSource: '', tag: '', key: '', principal: '' }
      expect(await service.unary('clearCache', { ...all, tag: 'sales' }, as('root'))).toEqual({ cleared: 1n })
      expect(await service.unary('clearCache', all, as('root'))).toEqual({ cleared: 3n })
      expect(await failureOf(service.unary('getCacheStats', {}, as('ann')))).toMatchObject({ error: 'FORBIDDEN' })
      expect(await failureOf(service.unary('clearCache', all, as('ann')))).toMatchObject({ error: 'FORBIDDEN' })
      expect(await failureOf(service.unary('clearCache', { ...all, key: 'a b' }, as('root')))).toMatchObject({
        code: 3,
      })
    })

    it('flightgate cache stats: tables for people, JSON for programs', async () => {
      await fill()
      const { code, stdout } = await flightgate('stats')
      expect([code, stdout]).toEqual([0, expect.stringMatching(/4 entries, [\d.]+ kB of 1.05 MB[\s\S]*\ndemo +3 /)])
      const json = JSON.parse((await flightgate('stats', '--json', '--source', 'Other')).stdout)
      expect(json).toEqual({ ...(await jsonOf(admin('GET'))), data_sources: [expect.objectContaining({ entries: 1 })] })
      expect(await flightgate('stats', '--source', 'nope')).toMatchObject({ code: 1 })
    })

    it('flightgate cache clear: by what is given; all only with --all', async () => {
      await fill()
      for (const args of [[], ['--all', '--tag', 'eu']])
        expect(await flightgate('clear', ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') })
      expect((await flightgate('clear', '--tag', 'eu')).stdout).toMatch(/^Cleared 1 entry of /)
      expect(
        JSON.parse((await flightgate('clear', '--source', 'demo', '--principal', 'bob', '--json')).stdout),
      ).toEqual({
        cleared: 1,
      })
      expect((await flightgate('clear', '--all')).stdout).toMatch(/^Cleared 2 entries of /)
      expect(await flightgate('clear', '--source', 'nope')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('nope'),
      })
    })
  })
})
