import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { UpstreamFixture } from './upstream-fixture.ts'

describe('a connection to an upstream', () => {
  let fake: FakeUpstream
  let upstream: UpstreamFixture
  const one = { rows: BATCH_ROWS }

  const reopen = async (...how: ConstructorParameters<typeof UpstreamFixture>) => {
    await upstream.source.close()
    upstream = new UpstreamFixture(...how)
  }

  beforeEach(async () => {
    fake = await FakeUpstream.start()
    upstream = new UpstreamFixture([fake.port])
  })
  afterEach(async () => {
    await upstream.source.close()
    vi.useRealTimers()
    await fake.stop()
  })

  it.each(['GetFlightInfo', 'DoGet'])(
    'connection lost during %s: it is replaced, and the call is retried once',
    async (method) => {
      fake.cut = { method, times: 1 }
      expect(await upstream.read('ok 1')).toEqual(one)
      expect([upstream.events.retries.length, upstream.events.destroyed]).toEqual([1, ['failed']])
      expect(upstream.lines.filter(({ message }) => message === 'retrying a call')).toHaveLength(1)
    },
  )

  it.each(['GetFlightInfo', 'DoGet'])(
    'connection lost during %s every time: retries are bounded, and the breaker opens',
    async (method) => {
      fake.cut = { method, times: Number.POSITIVE_INFINITY }
      for (let i = 0; i < 12; i++) expect((await upstream.read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
      expect(upstream.events.breaker[0]).toBe('open')
      expect(upstream.events.retries.length).toBeLessThanOrEqual(6)
    },
  )

  it('upstream is down: health checks after the first retry at debug, statements at info', async () => {
    await fake.stop()
    const levels = async (work: () => Promise<unknown>) => {
      const from = upstream.lines.length
      await work()
      const retries = upstream.lines.slice(from).filter(({ message }) => message === 'retrying a call')
      return retries.map(({ level }) => level)
    }
    const check = async () => expect((await upstream.source.health(upstream.context())).ok).toBe(false)
    expect(await levels(check)).toEqual(['info'])
    expect(await levels(check)).toEqual(['debug'])
    expect(await levels(() => upstream.read('ok 1'))).toEqual(['info'])
    fake = await FakeUpstream.start()
  })

  it('upstream dies during planning: the other address serves all waiting statements', async () => {
    const second = await FakeUpstream.start()
    await reopen([fake.port, second.port])
    await Promise.all(Array.from({ length: 8 }, () => upstream.read('ok 1')))
    fake.everyCall = 'hang'
    const asked = fake.counts.plans
    const reading = Array.from({ length: 4 }, () => upstream.read('ok 1'))
    await expect.poll(() => upstream.pool.stats.inUse + fake.counts.plans - asked).toBeGreaterThan(0)
    await fake.stop()
    expect(await Promise.all(reading)).toEqual(Array(4).fill(one))
    fake = second
  })

  it('connection lost during a change: not retried; stream refused: retried', async () => {
    await reopen([fake.port], { writes: true })
    fake.cut = { method: 'DoPut', times: 1 }
    expect((await upstream.read('INSERT INTO t VALUES (1)')).code).toBe('SOURCE_UNAVAILABLE')
    expect(upstream.events.retries).toEqual([])
    fake.cut = { method: 'DoPut', times: 1, refused: true }
    await upstream.read('INSERT INTO t VALUES (1)')
    expect(upstream.events.retries).toHaveLength(1)
  })

  it('idle connection gets GOAWAY: the health check drops it, breaker stays closed', async () => {
    await upstream.source.close()
    // The check shall not run before the pool knows of the GOAWAY.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    upstream = new UpstreamFixture([fake.port], {}, { healthCheckIntervalMs: 60_000 })
    await Promise.all(Array.from({ length: 8 }, () => upstream.read('drip 3')))
    await expect.poll(() => upstream.pool.stats.idle).toBe(8)
    for (const session of fake.sessions) session.close()
    await expect.poll(() => fake.sessions.size).toBe(0)
    vi.advanceTimersByTime(60_000)
    await expect.poll(() => upstream.events.destroyed).toEqual(Array(8).fill('unusable'))
    expect(upstream.events.breaker).toEqual([])
    expect(await upstream.read('ok 1')).toEqual(one)
  })

  it('breaker is open: idle connections stay in the pool', async () => {
    await reopen([fake.port], {}, { healthCheckIntervalMs: 100 })
    const held = await Promise.all([upstream.run('drip 4'), upstream.run('drip 4')])
    for (let i = 0; i < 6; i++) await upstream.read('cut 1')
    expect(upstream.events.breaker).toEqual(['open'])
    for (const { frames } of held) for await (const _ of frames);
    const idle = () => upstream.pool.stats.idle
    expect(idle()).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect([idle(), upstream.events.destroyed.includes('unhealthy')]).toEqual([2, false])
  })

  it.each(['cut 2', 'rst 2'])('connection breaks midway (%s): counts as a failure for the breaker', async (sql) => {
    for (let i = 0; i < 5; i++) expect((await upstream.read(sql)).code).toBe('SOURCE_UNAVAILABLE')
    expect(upstream.events.breaker).toEqual(['open'])
  })

  it('upstream hangs, clients have short deadlines: breaker opens, and closes when the upstream recovers', async () => {
    // The breaker opens once a probe has failed within this time.
    await reopen([fake.port], { requestTimeoutMs: 1000 })
    await expect.poll(() => upstream.read('ok 1')).toEqual(one)
    fake.everyCall = 'hang'
    for (let i = 0; i < 8; i++) await upstream.read('ok 1', upstream.context(40))
    await expect.poll(() => upstream.events.breaker[0]).toBe('open')
    expect(upstream.events.destroyed).toContain('failed')
    fake.everyCall = undefined
    // No client calls in the meantime: the breaker probes by itself.
    await expect.poll(() => upstream.events.breaker.at(-1)).toBe('closed')
    await expect.poll(() => upstream.read('ok 1')).toEqual(one)
  })

  it.each([
    ['a part with another schema', 'ok 1 then text 1'],
    ['a batch shorter than its header says', 'short 1'],
  ])('upstream sends %s: client gets UPSTREAM_DATA, no misread rows', async (_what, sql) => {
    expect((await upstream.read(sql)).code).toBe('UPSTREAM_DATA')
  })
})
