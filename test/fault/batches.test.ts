import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { type Asked, type BatchClient, faces } from './batch-faces.ts'
import { WatchedGateway } from './watched-gateway.ts'

const endless = 'SELECT range, hash(range) FROM range(100000000000)'
/** Fills the buffers of a client's connection at once. */
const wide = "SELECT range, repeat('x', 2000) FROM range(100000000000)"
const silent = 'SELECT sum(hash(a.range * 31 + b.range)) FROM range(1000000) a, range(1000000) b'

/** Statements by what they do; each kind is in a stage of its own when the client leaves. */
const stages: Readonly<Record<string, Asked>> = {
  planning: { id: 'planning', source: 'up', query: 'SELECT plan hang' },
  'waiting for a slot': { id: 'queued', source: 'narrow', query: 'SELECT 1' },
  'running before its first row': { id: 'silent', source: 'demo', query: silent },
  'sending rows': { id: 'endless', source: 'demo', query: endless },
  'waiting for the rows of a server': { id: 'hang', source: 'up', query: 'SELECT hang 2' },
}

describe.each(Object.entries(faces))('a batch over %s', (_face, connect) => {
  let up: FakeUpstream
  let gateway: WatchedGateway
  let client: BatchClient
  /** The statements that the upstream holds until the test releases them. */
  const held: (() => void)[] = []
  let isReleased = false

  beforeAll(async () => {
    up = await FakeUpstream.start({
      behaviours: {
        held: async (asked) => {
          if (!isReleased) await new Promise<void>((resolve) => held.push(resolve))
          await asked.rowsAnd()
        },
      },
    })
    gateway = await WatchedGateway.start({
      sources: {
        demo: { kind: 'duckdb', maxStreams: 4 },
        narrow: { kind: 'duckdb', maxStreams: 1 },
        up: {
          kind: 'flightsql',
          uri: `grpc://127.0.0.1:${up.port}`,
          username: 'u',
          password: 'p',
          requestTimeoutMs: 60_000,
          pool: { min: 0, max: 8, healthCheckIntervalMs: 3_600_000 },
        },
        few: {
          kind: 'flightsql',
          uri: `grpc://127.0.0.1:${up.port}`,
          username: 'u',
          password: 'p',
          maxStreams: 4,
          pool: { min: 0, max: 8, healthCheckIntervalMs: 3_600_000 },
        },
      },
      defaultSource: 'demo',
      auth: {
        apiKeys: [
          { name: 'many', key: 'key-of-many' },
          { name: 'few', key: 'key-of-few' },
        ],
      },
      limits: { queueWaitMs: 60_000 },
    })
    client = connect(gateway.process, 'key-of-many')
  })

  afterAll(async () => {
    client.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.process.noise).toEqual([])
    await up.stop()
  })

  afterEach(async () => {
    // After every test: the gateway holds nothing, the upstream is idle, and the next batch succeeds.
    await gateway.expectNothingHeld()
    await expect.poll(() => up.openStreams).toBe(0)
    const next = client.run([{ id: 'next', source: 'up', query: 'SELECT ok 3' }])
    expect(await next.statuses).toEqual({ next: 'succeeded' })
  })

  const running = () => gateway.process.metric('flightgate_statements_in_flight')
  const queued = () => gateway.process.metric('flightgate_queued_statements')
  /** Takes the only slot of `narrow`. */
  const block = async () => {
    const blocker = client.run([{ id: 'blocker', source: 'narrow', query: endless }])
    await blocker.firstRows
    blocker.pause()
    return blocker
  }

  it.each(Object.keys(stages))('client leaves while a statement is %s: all work ends', async (stage) => {
    const asked = stages[stage]!
    const blocker = asked.source === 'narrow' ? await block() : undefined
    const before = blocker ? 1 : 0
    const plans = up.counts.plans
    const batch = client.run([asked, { ...asked, id: 'again', query: `${asked.query} ` }])
    if (stage === 'planning') await expect.poll(() => up.counts.plans - plans).toBe(2)
    else if (blocker) await expect.poll(queued).toBe(2)
    else await expect.poll(running).toBe(before + 2)
    if (stage === 'sending rows' || asked.id === 'hang') await batch.firstRows
    batch.leave()
    await expect(batch.statuses).rejects.toThrow()
    await expect.poll(async () => [await queued(), (await running()) - before]).toEqual([0, 0])
    blocker?.leave()
  })

  it('client leaves in the middle of a batch whose statements are in different stages: all work ends', async () => {
    const blocker = await block()
    const others = Object.entries(stages).filter(([stage]) => stage !== 'planning')
    const batch = client.run(others.map(([, asked]) => asked))
    await batch.firstRows
    batch.leave()
    await expect(batch.statuses).rejects.toThrow()
    blocker.leave()
  })

  it('client leaves while it does not read: all work ends', async () => {
    const batch = client.run([
      { id: 'a', source: 'demo', query: endless },
      { id: 'b', source: 'demo', query: `${endless} ` },
    ])
    await batch.firstRows
    batch.pause()
    batch.leave()
    await expect(batch.statuses).rejects.toThrow()
  })

  it('time limit passes: statements at work fail, in each stage, and those that wait are skipped', async () => {
    const blocker = await block()
    const atWork = Object.entries(stages).filter(([stage]) => stage !== 'planning')
    const batch = client.run(
      [
        { id: 'quick', source: 'demo', query: 'SELECT 1' },
        ...atWork.map(([, asked]) => asked),
        { id: 'waits', source: 'demo', query: 'SELECT 2' },
      ],
      // Time enough for each of them to come to its stage.
      { timeoutMs: 5000, maxConcurrency: atWork.length },
    )
    expect(await batch.statuses).toEqual({
      quick: 'succeeded',
      queued: 'failed DEADLINE',
      silent: 'failed DEADLINE',
      endless: 'failed DEADLINE',
      hang: 'failed DEADLINE',
      waits: 'skipped DEADLINE',
    })
    blocker.leave()
  })

  it('time limit passes while the server plans: nothing runs', async () => {
    const batch = client.run([stages['planning']!, { id: 'planned', source: 'demo', query: 'SELECT 1' }], {
      timeoutMs: 1500,
    })
    expect(await batch.statuses).toEqual({ planning: 'failed DEADLINE', planned: 'skipped DEADLINE' })
  })

  it('time limit passes while the client does not read: it learns that when it reads again', async () => {
    const batch = client.run([{ id: 'wide', source: 'demo', query: wide }], { timeoutMs: 5000 })
    await batch.firstRows
    batch.pause()
    // Its slot is free although the client does not read.
    await expect.poll(running).toBe(0)
    batch.resume()
    expect(await batch.statuses).toEqual({ wide: 'failed DEADLINE' })
  })

  it.each([
    ['drops the connection', 'cut 2', 'SOURCE_UNAVAILABLE'],
    ['resets the stream', 'rst 2', 'SOURCE_UNAVAILABLE'],
    ['fails', 'fail 2', 'UPSTREAM_FAILED'],
    ['sends half a batch', 'short 2', 'UPSTREAM_DATA'],
  ])('upstream %s in the middle of a result: that statement fails, the others succeed', async (_what, does, code) => {
    const batch = client.run([
      { id: 'broken', source: 'up', query: `SELECT ${does}` },
      { id: 'whole', source: 'up', query: 'SELECT drip 4' },
      { id: 'other', source: 'demo', query: 'SELECT range FROM range(10000)' },
    ])
    expect(await batch.statuses).toEqual({ broken: `failed ${code}`, whole: 'succeeded', other: 'succeeded' })
  })

  it('upstream dies in the middle of a result, with stop_on_error: the others are cancelled or skipped', async () => {
    const batch = client.run(
      [
        { id: 'endless', source: 'demo', query: endless },
        { id: 'silent', source: 'demo', query: silent },
        { id: 'broken', source: 'up', query: 'SELECT cut 2' },
        { id: 'waits', source: 'demo', query: 'SELECT 1' },
      ],
      { stopOnError: true, maxConcurrency: 3 },
    )
    expect(await batch.statuses).toEqual({
      endless: 'cancelled CANCELLED',
      silent: 'cancelled CANCELLED',
      broken: 'failed SOURCE_UNAVAILABLE',
      waits: 'skipped CANCELLED',
    })
  })

  it('a batch of 100 slow statements does not starve another principal', async () => {
    const other = connect(gateway.process, 'key-of-few')
    const slow = Array.from({ length: 100 }, (_, i) => ({
      id: `${i}`,
      source: 'few',
      query: `SELECT held 1 number ${i}`,
    }))
    const batch = client.run(slow, { maxConcurrency: 20, timeoutMs: 600_000 })
    let isOver = false
    const finished = () => {
      isOver = true
    }
    void batch.statuses.then(finished, finished)
    // Three quarters of the slots.
    await expect.poll(() => held.length).toBe(3)
    await expect.poll(queued).toBeGreaterThan(4)
    for (let i = 0; i < 3; i++) {
      const small = other.run([{ id: 'small', source: 'few', query: 'SELECT ok 1' }])
      expect(await small.statuses).toEqual({ small: 'succeeded' })
    }
    expect([isOver, held.length]).toEqual([false, 3])
    isReleased = true
    for (const release of held.splice(0)) release()
    expect(new Set(Object.values(await batch.statuses))).toEqual(new Set(['succeeded']))
    other.close()
  })
})
