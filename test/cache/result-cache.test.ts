import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { ada, bob, CachedPipeline, FakeChanges, root } from './cached-pipeline.ts'

const own = { isShared: false }

describe('the result cache', () => {
  it('answers the second statement with the same buffers, without a run', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    const first = await cached.read()
    const second = await cached.read()
    expect([first.run, second.run, cached.runs]).toEqual([1, 1, 1])
    expect(second.outcome).toMatchObject({ result: 'HIT', level: 'memory' })
    expect(second.frames[0]!.chunks[0]).toBe(first.frames[0]!.chunks[0])
  })

  it('tells a miss that is stored', async () => {
    expect((await new CachedPipeline().read()).outcome).toEqual({ result: 'MISS', isStored: true })
  })

  it.each([
    ['text', { plan: {} }, 'SELECT 2'],
    ['schema', { query: { session: { schema: 'other' } } }],
    ['catalog', { query: { session: { catalog: 'other' } } }],
    ['type options', { query: { session: { losslessTypes: true } } }],
    ['dictionaries', { query: { session: { dictionaries: false } } }],
    ['parameters', { query: { parameters: Buffer.from('parameters') } }],
    ['own key', { control: { key: 'mine' } }],
    ['columns', { plan: { schemaDigest: 'other' } }],
    ['principal', { by: bob }],
  ])('statements with another %s share nothing', async (_what, other, sql = 'SELECT 1') => {
    const cached = new CachedPipeline()
    await cached.read()
    expect((await cached.read(sql, other)).run).toBe(2)
    expect((await cached.read()).run).toBe(1)
  })

  it('with scope shared, principals share', async () => {
    const cached = new CachedPipeline({ rules: { isShared: true } })
    await cached.read()
    expect((await cached.read('SELECT 1', { by: bob })).run).toBe(1)
  })

  it('a principal whose roles or key changed does not get its old rows', async () => {
    const cached = new CachedPipeline({ principals: [ada] })
    await cached.read()
    expect((await cached.read('SELECT 1', { by: { ...ada } })).run).toBe(1)
    expect((await cached.read('SELECT 1', { by: { ...ada, roles: ['writer'] } })).run).toBe(2)
    expect((await cached.read('SELECT 1', { by: { ...ada, groups: ['team'] } })).run).toBe(3)
  })

  it('metadata that the source passes on is part of the key, other metadata is not', async () => {
    const cached = new CachedPipeline({ rules: { metadataNames: ['x-tenant'] } })
    const from = (tenant: string, trace: string) => ({ ctx: { metadata: { 'x-tenant': tenant, traceparent: trace } } })
    await cached.read('SELECT 1', from('a', '1'))
    expect((await cached.read('SELECT 1', from('b', '1'))).run).toBe(2)
    expect((await cached.read('SELECT 1', from('a', '2'))).run).toBe(1)
  })

  it('an own key does not give the rows of another statement', async () => {
    const cached = new CachedPipeline()
    const control = { key: 'mine' }
    await cached.read('SELECT 1', { control })
    expect((await cached.read('SELECT 2', { control })).run).toBe(2)
    expect((await cached.read('SELECT 2', { control })).run).toBe(2)
    expect((await cached.read('SELECT 1', { control })).run).toBe(3)
  })

  it.each([
    ['a volatile function', 'SELECT random()', {}, 'volatile-function'],
    ['a transaction', 'SELECT 1', { query: { transaction: 't' } }, 'transaction'],
    ['no-store', 'SELECT 1', { control: { noStore: true } }, 'no-store'],
    ['large parameters', 'SELECT 1', { query: { parameters: Buffer.alloc((1 << 20) + 1) } }, 'large-parameters'],
  ])('does not apply to %s', async (_what, sql, options, detail) => {
    const cached = new CachedPipeline()
    await cached.read(sql, options)
    expect(await cached.read(sql, options)).toMatchObject({ run: 2, outcome: { result: 'BYPASS', detail } })
  })

  it.each([
    ['a statement of its own at a source with commands of its own', true, 2, 'MISS'],
    ['the same statement at other sources', false, 1, 'HIT'],
  ])('the raw bytes of a command are %s', async (_what, hasOwnCommands, run, result) => {
    const cached = new CachedPipeline({ rules: { hasOwnCommands } })
    const raw = { query: { rawCommand: true } }
    await cached.read()
    expect(await cached.read('SELECT 1', raw)).toMatchObject({ run, outcome: { result } })
    expect(await cached.read('SELECT 1', raw)).toMatchObject({ run, outcome: { result: 'HIT' } })
    expect((await cached.read()).run).toBe(1)
  })

  it('an operator clears entries of another process: those of this one give their memory back, the others stay', async () => {
    const changes = new FakeChanges()
    const [here, other] = [new CachedPipeline({ changes }), new CachedPipeline({ changes })]
    await here.read('SELECT 1', { control: { tags: ['sales'] } })
    await here.read('SELECT 2')
    await other.cache.clear({ tag: 'sales' }, root)
    await expect.poll(() => here.cache.entries).toBe(1)
  })

  it('tells why a statement ran although the cache had its rows', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    await setTimeout(5)
    const tooOld = await cached.read('SELECT 1', { control: { maxAgeMs: 1 } })
    expect(tooOld.outcome).toEqual({ result: 'MISS', forward: 'request', isStored: true })
    const fresh = await cached.read('SELECT 1', { control: { noCache: true } })
    expect(fresh.outcome).toMatchObject({ result: 'BYPASS', forward: 'request' })
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const changed = { result: 'MISS', forward: 'stale', detail: 'changed', isStored: true }
    expect((await cached.read()).outcome).toEqual(changed)
  })

  it('tells that rows have expired', async () => {
    const cached = new CachedPipeline({ rules: { ttlMs: 1 } })
    await cached.read()
    await setTimeout(5)
    const expired = { result: 'MISS', forward: 'stale', detail: 'expired', isStored: true }
    expect((await cached.read()).outcome).toEqual(expired)
  })

  it('no-cache runs the statement and replaces the rows', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    const fresh = await cached.read('SELECT 1', { control: { noCache: true } })
    expect(fresh).toMatchObject({ run: 2, outcome: { result: 'BYPASS', detail: 'no-cache', isStored: true } })
    expect((await cached.read()).run).toBe(2)
  })

  it('a ticket that is redeemed again gives its own rows, even with no-cache', async () => {
    const cached = new CachedPipeline()
    const ticket = { control: { noCache: true }, plan: { execution: 'e1' } }
    await cached.read('SELECT 1', ticket)
    expect((await cached.read('SELECT 1', ticket)).run).toBe(1)
  })

  it('only-if-cached never runs the statement', async () => {
    const cached = new CachedPipeline()
    const asked = { control: { onlyIfCached: true } }
    await expect(cached.read('SELECT 1', asked)).rejects.toMatchObject({ code: 'NOT_CACHED' })
    const volatile = { code: 'NOT_CACHED', message: expect.stringContaining('does not apply (volatile-function)') }
    await expect(cached.read('SELECT random()', asked)).rejects.toMatchObject(volatile)
    expect(cached.runs).toBe(0)
    await cached.read()
    expect((await cached.read('SELECT 1', asked)).outcome?.result).toBe('HIT')
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const old = { code: 'NOT_CACHED', message: expect.stringContaining('older than') }
    await expect(cached.read('SELECT 1', asked)).rejects.toMatchObject(old)
  })

  it('with the cache off, only-if-cached fails and everything else runs', async () => {
    const cached = new CachedPipeline({ maxBytes: 0 })
    await expect(cached.read('SELECT 1', { control: { onlyIfCached: true } })).rejects.toMatchObject({
      code: 'NOT_CACHED',
    })
    await cached.read()
    expect(await cached.read()).toMatchObject({ run: 2, outcome: undefined })
  })

  it('a result above maxEntryBytes passes through and is not stored', async () => {
    const cached = new CachedPipeline({ maxEntryBytes: 250 })
    cached.framesPerRun = 3
    expect((await cached.read()).frames).toHaveLength(3)
    expect(await cached.read()).toMatchObject({ run: 2, outcome: { result: 'MISS', isStored: false } })
    expect(cached.cache.bytes).toBe(0)
  })

  it('a result that breaks or is left half read is not stored, and its memory is free again', async () => {
    const cached = new CachedPipeline()
    cached.failure = new GatewayError('UPSTREAM_DATA')
    await expect(cached.read()).rejects.toMatchObject({ code: 'UPSTREAM_DATA' })
    cached.failure = undefined
    expect((await cached.read()).run).toBe(2)
  })

  it('entries never exceed maxBytes; the least recently used leave', async () => {
    const cached = new CachedPipeline({ maxBytes: 100_000 })
    cached.bodyBytes = 20_000
    for (let i = 0; i < 20; i++) {
      await cached.read(`SELECT ${i}`)
      await cached.read('SELECT 0')
      expect(cached.cache.bytes).toBeLessThanOrEqual(100_000)
    }
    expect((await cached.read('SELECT 0')).run).toBe(1)
    expect(cached.cache.stats(root).evictions.size).toBeGreaterThan(10)
  })
})

describe('statements at the same time', () => {
  it('200 of them share one run', async () => {
    const cached = new CachedPipeline()
    const answers = await Promise.all(Array.from({ length: 200 }, () => cached.read()))
    expect(cached.runs).toBe(1)
    expect(answers.filter(({ outcome }) => outcome?.isCollapsed)).toHaveLength(199)
    expect(cached.cache.stats(root).sources[0]).toMatchObject({ misses: 200, collapsed: 199 })
  })

  it('share no run that began before a change', async () => {
    const cached = new CachedPipeline()
    const gate = Promise.withResolvers<void>()
    cached.gate = gate.promise
    const first = cached.read()
    await expect.poll(() => cached.runs).toBe(1)
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const later = [cached.read(), cached.read()]
    await expect.poll(() => cached.runs).toBe(2)
    gate.resolve()
    expect((await Promise.all([first, ...later])).map(({ run }) => run)).toEqual([1, 2, 2])
    expect((await cached.read()).run).toBe(2)
  })

  it.each([{ noCache: true }, { maxAgeMs: 0 }])('share no run that began before %j', async (control) => {
    const cached = new CachedPipeline()
    const gate = Promise.withResolvers<void>()
    cached.gate = gate.promise
    const both = [cached.read(), cached.read('SELECT 1', { control })]
    await expect.poll(() => cached.runs).toBe(2)
    gate.resolve()
    expect((await Promise.all(both)).map(({ run }) => run)).toEqual([1, 2])
    expect((await cached.read()).run).toBe(2)
  })

  it('a run that fails leaves nothing behind', async () => {
    const cached = new CachedPipeline()
    cached.failure = new GatewayError('BAD_SQL')
    const answers = await Promise.allSettled([cached.read(), cached.read()])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect([cached.runs, cached.cache.bytes]).toEqual([1, 0])
    cached.failure = undefined
    expect((await cached.read()).run).toBe(2)
  })
})

describe('freshness', () => {
  it('rows are fresh for their time to live, that of the statement if it is shorter', async () => {
    const cached = new CachedPipeline()
    await cached.read('SELECT 1', { control: { ttlMs: 1 } })
    await setTimeout(5)
    expect((await cached.read()).run).toBe(2)
    const { outcome } = await cached.read()
    expect(outcome!.ttlMs).toBeGreaterThan(50_000)
    expect(outcome!.ageMs).toBeLessThan(10_000)
  })

  it('max-age and min-fresh refuse rows that are too old', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    await setTimeout(5)
    expect((await cached.read('SELECT 1', { control: { maxAgeMs: 1 } })).run).toBe(2)
    expect((await cached.read('SELECT 1', { control: { minFreshMs: 60_001 } })).run).toBe(3)
    expect((await cached.read('SELECT 1', { control: { maxAgeMs: 50_000, minFreshMs: 1000 } })).run).toBe(3)
  })

  it('without a window, a change evicts', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    expect((await cached.read()).run).toBe(2)
    expect(cached.cache.stats(root).evictions.changed).toBe(1)
  })

  it('after a change others read older rows within the window, while the statement runs once in the background', async () => {
    const cached = new CachedPipeline({ rules: { staleWhileRevalidateMs: 60_000 } })
    await cached.read()
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const gate = Promise.withResolvers<void>()
    cached.gate = gate.promise
    const stale = await Promise.all([cached.read(), cached.read(), cached.read()])
    expect(stale.map(({ run, outcome }) => [run, outcome?.result])).toEqual(Array(3).fill([1, 'STALE']))
    expect(stale[0]!.outcome!.ttlMs).toBeLessThanOrEqual(0)
    gate.resolve()
    await expect.poll(() => cached.cache.stats(root).revalidations.succeeded).toBe(1)
    expect(await cached.read()).toMatchObject({ run: 2, outcome: { result: 'HIT' } })
  })

  it('the principal that made the change reads fresh at once', async () => {
    const cached = new CachedPipeline({ rules: { staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 } })
    await cached.read()
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'ada' })
    expect((await cached.read()).run).toBe(2)
  })

  it('rows older than the window are not served', async () => {
    const cached = new CachedPipeline({ rules: { staleWhileRevalidateMs: 1 } })
    await cached.read()
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    await setTimeout(5)
    expect((await cached.read()).run).toBe(2)
  })

  it('max-stale shortens the window, and min-fresh closes it', async () => {
    const cached = new CachedPipeline({ rules: { staleWhileRevalidateMs: 60_000 } })
    await cached.read()
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    await setTimeout(5)
    expect((await cached.read('SELECT 1', { control: { maxStaleMs: 1 } })).run).toBe(2)
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    expect((await cached.read('SELECT 1', { control: { minFreshMs: 0 } })).run).toBe(3)
  })

  it('rows of a run that a change overlapped are not served as fresh', async () => {
    const cached = new CachedPipeline()
    const gate = Promise.withResolvers<void>()
    cached.gate = gate.promise
    const first = cached.read()
    await expect.poll(() => cached.runs).toBe(1)
    await cached.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    gate.resolve()
    expect((await first).run).toBe(1)
    expect((await cached.read()).run).toBe(2)
  })

  it('serves stale rows instead of an error that a retry may mend, and no other', async () => {
    const cached = new CachedPipeline({ rules: { ttlMs: 1, staleIfErrorMs: 60_000 } })
    await cached.read()
    await setTimeout(5)
    cached.failure = new GatewayError('SOURCE_UNAVAILABLE')
    expect(await cached.read()).toMatchObject({ run: 1, outcome: { result: 'STALE', detail: 'SOURCE_UNAVAILABLE' } })
    cached.failure = new GatewayError('BAD_SQL')
    await expect(cached.read()).rejects.toMatchObject({ code: 'BAD_SQL' })
    cached.failure = new GatewayError('SOURCE_UNAVAILABLE')
    await expect(cached.read('SELECT 1', { control: { noCache: true } })).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
    })
  })
})

describe('operators', () => {
  it('clear by source, principal, tag and key', async () => {
    const cached = new CachedPipeline({ rules: { isShared: own.isShared } })
    await cached.read('SELECT 1', { control: { tags: ['sales'] } })
    await cached.read('SELECT 2', { control: { key: 'mine' } })
    await cached.read('SELECT 3', { by: bob })
    expect(await cached.cache.clear({ tag: 'sales' }, root)).toBe(1)
    expect(await cached.cache.clear({ key: 'mine' }, root)).toBe(1)
    expect(await cached.cache.clear({ principal: 'ada' }, root)).toBe(0)
    expect(await cached.cache.clear({ principal: 'bob', source: 'here' }, root)).toBe(1)
    await expect(cached.cache.clear({ source: 'nowhere' }, root)).rejects.toMatchObject({ code: 'UNKNOWN_SOURCE' })
    await expect(cached.cache.clear({}, ada)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(() => cached.cache.stats(ada)).toThrow('lacks the grant operate')
  })

  it('a run that was under way when an operator cleared is not stored', async () => {
    const cached = new CachedPipeline()
    const gate = Promise.withResolvers<void>()
    cached.gate = gate.promise
    const first = cached.read()
    await expect.poll(() => cached.runs).toBe(1)
    await cached.cache.clear({}, root)
    gate.resolve()
    await first
    expect((await cached.read()).run).toBe(2)
  })

  it('see what the cache did', async () => {
    const cached = new CachedPipeline()
    await cached.read()
    await cached.read()
    await cached.read('SELECT random()')
    const { entries, bytes, sources } = cached.cache.stats(root)
    expect(entries).toBe(1)
    expect(bytes).toBeGreaterThan(100)
    expect(sources).toEqual([
      { source: 'here', entries: 1, bytes, hits: 1, misses: 1, staleHits: 0, bypasses: 1, collapsed: 0 },
    ])
  })
})
