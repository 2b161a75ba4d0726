import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { quota } from '../../src/query/stages/quota.ts'
import type { PlannedStatement, Principal, Quotas as QuotaSettings } from '../../src/query/types.ts'
import { Quotas } from '../../src/quotas/quotas.ts'
import { rateHeaders } from '../../src/quotas/rate-state.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import { contextOf, resultOf, rowsOf } from '../query/results/batches.ts'
import { FaultyStore } from '../state/faulty-store.ts'

const lena: Principal = { name: 'lena', roles: ['reader'] }
const ops: Principal = { name: 'ops', roles: ['admin'], quotas: { requestsPerMinute: 0, maxConcurrentStatements: 100 } }
const planOf = (source = 'demo') =>
  ({ kind: 'read', query: { source, sql: 'SELECT 1', session: {}, purpose: 'read' } }) as PlannedStatement
const noon = Date.UTC(2026, 10, 28, 12)

/** The quotas of a replica, and what they told. */
function setUp(general: QuotaSettings = {}, store = new FaultyStore(new MemoryStore(1 << 20))) {
  const refusals: string[] = []
  const logged: string[] = []
  const log = { debug() {}, info() {}, error() {}, warn: (_: object, message: string) => logged.push(message) }
  const quotas = new Quotas({
    general,
    principals: [lena, ops],
    sources: () => ['demo', 'lake'],
    store,
    log,
    onRefused: (reason) => refusals.push(reason),
  })
  const stage = quota(quotas.statements)
  const run = async (principal = lena, batches = 2, failWith?: Error, source?: string) =>
    await stage.run!(planOf(source), { ...contextOf(''), principal }, async () => resultOf(batches, failWith).result)
  return { quotas, stage, run, store, refusals, logged }
}

beforeEach(() => {
  vi.useFakeTimers({
    now: noon,
    toFake: ['Date', 'performance', 'setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'],
  })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('requests per minute', () => {
  it('a caller over its limit is refused until its window ends, and told when that is', async () => {
    const { quotas, refusals } = setUp({ requestsPerMinute: 3 })
    const caller = { principal: lena }
    const lefts = []
    for (let i = 0; i < 3; i++) lefts.push((await quotas.requests.take(caller))?.remaining)
    expect(lefts).toEqual([2, 1, 0])
    const error = await quotas.requests.take(caller).catch((thrown: unknown) => thrown as Record<string, unknown>)
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      grpc: 'RESOURCE_EXHAUSTED',
      http: 429,
      retryable: true,
      message: expect.stringMatching(/^There were more than the 3 requests per minute of lena .*try again in \d+ s\.$/),
      metadata: {
        'x-ratelimit-limit': '3',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': expect.stringMatching(/^\d+$/),
      },
    })
    const { retryAfterMs } = error as { retryAfterMs: number }
    expect(retryAfterMs).toBeGreaterThan(0)
    expect(retryAfterMs).toBeLessThanOrEqual(60_000)
    expect(refusals).toEqual(['requests'])
    vi.advanceTimersByTime(retryAfterMs)
    expect(await quotas.requests.take(caller)).toMatchObject({ limit: 3, remaining: 2 })
  })

  it("another principal has its own allowance, and a key's own quota counts instead of the general one", async () => {
    const { quotas } = setUp({ requestsPerMinute: 1 })
    await quotas.requests.take({ principal: lena })
    expect(await quotas.requests.take({ principal: { name: 'max', roles: [] } })).toMatchObject({ remaining: 0 })
    for (let i = 0; i < 5; i++) expect(await quotas.requests.take({ principal: ops })).toBeUndefined()
    await expect(quotas.requests.take({ principal: lena })).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  it('without credentials each connection has its own allowance', async () => {
    const { quotas } = setUp({ requestsPerMinute: 1 })
    const principal = { name: 'anonymous', roles: ['reader'] }
    await quotas.requests.take({ principal, holder: '127.0.0.1:1' })
    await quotas.requests.take({ principal, holder: '127.0.0.1:2' })
    await expect(quotas.requests.take({ principal, holder: '127.0.0.1:1' })).rejects.toThrow('of this client')
  })

  it('a batch takes all its requests at once or none', async () => {
    const { quotas } = setUp({ requestsPerMinute: 10 })
    const caller = { principal: lena }
    expect(await quotas.requests.take(caller, 6)).toMatchObject({ remaining: 4 })
    await expect(quotas.requests.take(caller, 6)).rejects.toThrow('These are 6 requests and 4 are left of the 10')
    expect(await quotas.requests.take(caller, 4)).toMatchObject({ remaining: 0 })
    await expect(quotas.requests.take(caller, 11)).rejects.toThrow('send fewer at once')
  })

  it('replicas that share a store count together', async () => {
    const store = new FaultyStore(new MemoryStore(1 << 20))
    const [one, other] = [setUp({ requestsPerMinute: 2 }, store), setUp({ requestsPerMinute: 2 }, store)]
    await one.quotas.requests.take({ principal: lena })
    expect(await other.quotas.requests.take({ principal: lena })).toMatchObject({ remaining: 0 })
    await expect(one.quotas.requests.take({ principal: lena })).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  it('store down: requests pass, and the log gets one line a minute', async () => {
    const { quotas, store, logged } = setUp({ requestsPerMinute: 1 })
    store.mode = 'fails'
    for (let i = 0; i < 5; i++) expect(await quotas.requests.take({ principal: lena })).toBeUndefined()
    expect(logged).toHaveLength(1)
    vi.advanceTimersByTime(60_000)
    await quotas.requests.take({ principal: lena })
    expect(logged).toHaveLength(2)
  })

  it('is inactive unless a limit is configured for any principal', () => {
    expect(setUp().quotas.requests.isActive).toBe(false)
    expect(setUp({ requestsPerMinute: 0 }).quotas.requests.isActive).toBe(false)
    expect(setUp({ requestsPerMinute: 5 }).quotas.requests.isActive).toBe(true)
  })

  it('the reset is told in whole seconds, rounded up', () => {
    expect(rateHeaders({ limit: 5, remaining: 1, resetMs: 1001 })['x-ratelimit-reset']).toBe('2')
  })
})

describe('concurrent statements', () => {
  it('one above the limit is refused at once, until a result has been read', async () => {
    const { run, refusals } = setUp({ maxConcurrentStatements: 2 })
    const [first] = [await run(), await run()]
    await expect(run()).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      retryAfterMs: 1000,
      message: expect.stringContaining('quotas.maxConcurrentStatements'),
    })
    await rowsOf(first!)
    await run()
    await expect(run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    expect(refusals).toEqual(['statements', 'statements'])
    await run(ops)
  })

  it('a statement that fails gives its place back', async () => {
    const { stage } = setUp({ maxConcurrentStatements: 1, maxBytesPerDay: 1000 })
    for (let i = 0; i < 3; i++)
      await expect(
        stage.run!(planOf(), contextOf('lena'), () => Promise.reject(new Error('bad statement'))),
      ).rejects.toThrow('bad statement')
  })

  it('statements that begin at the same time do not pass the limit together', async () => {
    const { run } = setUp({ maxConcurrentStatements: 2, maxBytesPerDay: 1000 })
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => run()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  })

  it('a batch is checked as a whole', async () => {
    const { quotas, run } = setUp({ maxConcurrentStatements: 3 })
    await run()
    await quotas.statements.check({ principal: lena }, 2)
    await expect(quotas.statements.check({ principal: lena }, 3)).rejects.toThrow('run fewer at once')
    expect(quotas.statements.freeOf({ principal: lena })).toBe(2)
    expect(setUp({}).quotas.statements.freeOf({ principal: lena })).toBeUndefined()
  })
})

describe('concurrent statements of several replicas', () => {
  it('the limit is one of all replicas; a place is free again when its statement ends', async () => {
    const store = new FaultyStore(new MemoryStore(1 << 20))
    const [one, other] = [setUp({ maxConcurrentStatements: 3 }, store), setUp({ maxConcurrentStatements: 3 }, store)]
    vi.useRealTimers()
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => (i % 2 ? one : other).run()))
    const begun = outcomes.filter((each) => each.status === 'fulfilled').map(({ value }) => value)
    expect(begun).toHaveLength(3)
    expect(await other.quotas.statements.runningOf({ principal: lena })).toBe(3)
    await expect(one.quotas.statements.check({ principal: lena }, 1)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await rowsOf(begun[0]!)
    await other.run()
    await expect(one.run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await Promise.all([one.quotas.close(), other.quotas.close()])
  })

  it('the store is down: the limit is that of each replica, and places are free again afterwards', async () => {
    const store = new FaultyStore(new MemoryStore(1 << 20))
    const { run, quotas } = setUp({ maxConcurrentStatements: 1 }, store)
    store.mode = 'fails'
    const result = await run()
    await expect(run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await rowsOf(result)
    store.mode = 'works'
    await rowsOf(await run())
    expect(await quotas.statements.runningOf({ principal: lena })).toBe(0)
  })

  it('a replica dies: its places are free after a minute; those of long statements stay taken', async () => {
    const store = new FaultyStore(new MemoryStore(1 << 20))
    const [one, other] = [setUp({ maxConcurrentStatements: 2 }, store), setUp({ maxConcurrentStatements: 2 }, store)]
    await store.addMember('running:lena', 'of a replica that died', 60_000, 2)
    await one.run()
    const refused = other.run()
    refused.catch(() => {})
    await vi.advanceTimersByTimeAsync(200)
    await expect(refused).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await vi.advanceTimersByTimeAsync(70_000)
    await other.run()
    const again = other.run()
    again.catch(() => {})
    await vi.advanceTimersByTimeAsync(200)
    await expect(again).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
  })
})

describe('bytes per day', () => {
  it('a statement that has begun may be read to its end; the next ones are refused until the day ends', async () => {
    const { run, refusals } = setUp({ maxBytesPerDay: 30 })
    expect(await rowsOf(await run(lena, 2))).toBe(2)
    expect(await rowsOf(await run(lena, 9))).toBe(9)
    await expect(run()).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
      retryAfterMs: 12 * 3_600_000,
      message: expect.stringContaining('begins again at 2026-11-29T00:00:00.000Z'),
    })
    expect(refusals).toEqual(['bytes'])
    await run(ops)
    vi.setSystemTime(noon + 12 * 3_600_000)
    expect(await rowsOf(await run())).toBe(2)
  })

  it('bytes count as they are read, on all replicas', async () => {
    const store = new FaultyStore(new MemoryStore(1 << 20))
    const [one, other] = [setUp({ maxBytesPerDay: 20 }, store), setUp({ maxBytesPerDay: 20 }, store)]
    const frames = (await one.run(lena, 5)).frames[Symbol.asyncIterator]()
    await frames.next()
    await other.run()
    await frames.next()
    await expect(one.run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    await vi.advanceTimersByTimeAsync(1000)
    await expect(other.run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
  })

  it('store down: statements pass up to what this replica knows', async () => {
    const { run, store } = setUp({ maxBytesPerDay: 30 })
    store.mode = 'fails'
    await rowsOf(await run(lena, 2))
    await rowsOf(await run(lena, 2))
    await expect(run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
    vi.setSystemTime(noon + 12 * 3_600_000)
    store.mode = 'works'
    await run()
  })
})

describe('usage', () => {
  it('counts statements, failures, rows and bytes of each source', async () => {
    const { quotas, run, stage } = setUp()
    await rowsOf(await run(lena, 2))
    await rowsOf(await run(lena, 3, undefined, 'lake'))
    await rowsOf(await run(lena, 1, new Error('broken'))).catch(() => {})
    await rowsOf(await run(lena, 0, new GatewayError('CANCELLED'), 'lake')).catch(() => {})
    const query = planOf().query
    await expect(stage.plan!(query, contextOf('lena'), () => Promise.reject(new Error('bad')))).rejects.toThrow('bad')
    expect(await quotas.usage.of({ principal: lena })).toEqual({
      principal: 'lena',
      since: Date.UTC(2026, 10, 28),
      sources: [
        { source: 'demo', statements: 3, failed: 2, rows: 3, bytes: 30 },
        { source: 'lake', statements: 2, failed: 0, rows: 3, bytes: 30 },
      ],
    })
    expect((await quotas.usage.of({ principal: ops })).sources).toEqual([])
  })

  it('tells the quotas and what is left of them', async () => {
    const { quotas, run } = setUp({ requestsPerMinute: 5, maxConcurrentStatements: 4, maxBytesPerDay: 100 })
    await quotas.requests.take({ principal: lena })
    await rowsOf(await run())
    await run()
    const report = await quotas.usage.of({ principal: lena })
    expect(report).toMatchObject({
      requestsPerMinute: { limit: 5, remaining: 4 },
      concurrentStatements: { limit: 4, remaining: 3 },
      bytesPerDay: { limit: 100, remaining: 80, resetAt: Date.UTC(2026, 10, 29) },
    })
    expect(report.requestsPerMinute!.resetAt! - noon).toBeGreaterThan(0)
    expect(report.requestsPerMinute!.resetAt! - noon).toBeLessThanOrEqual(60_000)
  })

  it('begins again with the day in UTC', async () => {
    const { quotas, run } = setUp()
    await rowsOf(await run())
    expect((await quotas.usage.of({ principal: lena })).sources).toHaveLength(1)
    vi.setSystemTime(noon + 12 * 3_600_000)
    expect(await quotas.usage.of({ principal: lena })).toMatchObject({ since: Date.UTC(2026, 10, 29), sources: [] })
  })

  it('no statement waits for the store, and counts of an outage are written later', async () => {
    const { quotas, run, store } = setUp()
    store.mode = 'hangs'
    await rowsOf(await run())
    expect(store.calls).toBe(0)
    store.mode = 'fails'
    await vi.advanceTimersByTimeAsync(1000)
    expect(store.calls).toBeGreaterThan(0)
    store.mode = 'works'
    await vi.advanceTimersByTimeAsync(1000)
    store.calls = 0
    expect((await quotas.usage.of({ principal: lena })).sources).toMatchObject([{ statements: 1, rows: 2, bytes: 20 }])
    await rowsOf(await run())
    await quotas.close()
    expect(await store.increment('usage:lena:2026-11-28:demo:statements', 0, 1000)).toBe(2)
  })

  it('of another principal is only for admins', async () => {
    const { quotas, run } = setUp()
    await rowsOf(await run())
    await expect(quotas.usage.of({ principal: lena }, 'ops')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(await quotas.usage.of({ principal: ops }, 'lena')).toMatchObject({
      principal: 'lena',
      sources: [{ source: 'demo', statements: 1 }],
    })
    await expect(quotas.usage.of({ principal: ops }, 'nobody')).rejects.toMatchObject({ code: 'UNKNOWN_PRINCIPAL' })
    expect(await quotas.usage.of({ principal: lena }, 'lena')).toMatchObject({ principal: 'lena' })
  })
})
