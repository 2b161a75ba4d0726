import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ErrorCode, GatewayError } from '../../src/query/errors.ts'
import { AdaptiveLimiter } from '../../src/query/limits/adaptive-limiter.ts'
import type { Context, Result } from '../../src/query/types.ts'
import type { FlightSqlConfig } from '../../src/sources/flightsql/settings.ts'
import { FlightSqlSource } from '../../src/sources/flightsql/source.ts'
import { selfSignedCertificate } from '../fakes/certificate.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { waitFor } from '../wait-for.ts'
import { upstreamConfig } from './upstream-fixture.ts'

const lines: { message: string; fields: object }[] = []
const say = (fields: object, message: string) => void lines.push({ fields, message })
const log = { debug: say, info: say, warn: say, error: say }
const events = {
  created: 0,
  destroyed: [] as string[],
  breaker: [] as string[],
  memory: 0,
  spill: 0,
  maxMemory: 0,
  maxSpill: 0,
}
const observer = {
  onAcquire: () => {},
  onCreate: () => void events.created++,
  onRetry: () => {},
  onDestroy: (_address: string, reason: string) => void events.destroyed.push(reason),
  onBuffered: (memory: number, spill: number) => {
    events.memory += memory
    events.spill += spill
    events.maxMemory = Math.max(events.maxMemory, events.memory)
    events.maxSpill = Math.max(events.maxSpill, events.spill)
  },
  onBreaker: (_address: string, state: string) => void events.breaker.push(state),
}
const query = (behaviour: string) => ({
  source: 'up',
  sql: `SELECT ${behaviour}`,
  session: {},
  purpose: 'any' as const,
})
const context = (signal: AbortSignal = new AbortController().signal, ms = 20_000): Context => ({
  principal: { name: 'me', roles: ['reader'] },
  signal,
  deadlineAt: Date.now() + ms,
  requestId: 'r',
  log,
})

describe('an upstream, at the source alone', () => {
  let fake: FakeUpstream
  let source: FlightSqlSource

  const open = (more: Partial<FlightSqlConfig> = {}, pool: Partial<FlightSqlConfig['pool']> = {}) =>
    new FlightSqlSource('up', upstreamConfig([fake.port], more, pool), { log, observer })

  beforeEach(async () => {
    lines.length = 0
    Object.assign(events, { created: 0, destroyed: [], breaker: [], memory: 0, spill: 0, maxMemory: 0, maxSpill: 0 })
    fake = await FakeUpstream.start()
    source = open()
  })
  afterEach(async () => {
    vi.useRealTimers()
    vi.restoreAllMocks()
    // After every test: all leases are returned, and the upstream is idle.
    const inUse = () => source.pools.all.reduce((sum, { pool }) => sum + pool.stats.inUse, 0)
    // A health check may still hold one.
    await expect.poll(inUse).toBe(0)
    await source.close()
    await expect.poll(() => fake.openStreams).toBe(0)
    await fake.stop()
  })

  const run = async (sql: string, ctx = context()): Promise<Result> =>
    await source.run(await source.plan(query(sql), ctx), ctx)
  /** Opens the source with other settings, and waits until a connection to the fake is idle: no time limit hits its opening. */
  const openWarm = async (...settings: Parameters<typeof open>) => {
    await source.close()
    source = open(...settings)
    await expect.poll(() => read('ok 1')).toEqual({ rows: BATCH_ROWS })
  }
  /** The rows, or the error's code and the rows before it. */
  const read = async (sql: string, ctx = context()): Promise<{ rows: number; code?: string; message?: string }> => {
    let rows = 0
    try {
      const result = await run(sql, ctx)
      for await (const frames of result.frames) for (const frame of frames) rows += frame.rows
      return { rows }
    } catch (error) {
      const { code, message } = GatewayError.from(error)
      return { rows, code, message }
    }
  }

  it('upstream works: results are relayed, connections are reused', async () => {
    for (let i = 0; i < 5; i++) expect(await read('ok 3')).toEqual({ rows: 3 * BATCH_ROWS })
    expect([fake.counts, events.destroyed]).toEqual([{ connections: 1, handshakes: 1, plans: 5, executions: 5 }, []])
  })

  it('upstream refuses connections: SOURCE_UNAVAILABLE, breaker opens, half-opens and closes', async () => {
    const { port } = fake
    await source.close()
    await fake.stop()
    source = open({ uri: { host: '127.0.0.1', port, tls: false } }, { healthCheckIntervalMs: 300 })
    for (let i = 0; i < 6; i++) expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
    expect(events.breaker).toContain('open')
    const { message } = await read('ok 1')
    expect(message).toContain('circuit breaker open')
    expect(lines.some((line) => line.message === 'the circuit breaker is open')).toBe(true)
    fake = await FakeUpstream.start({ port })
    await expect.poll(async () => (await read('ok 1')).rows).toBe(BATCH_ROWS)
    expect(events.breaker.slice(-2)).toEqual(['half-open', 'closed'])
  })

  it('upstream comes back: the breaker’s probe closes it, and a hanging statement blocks no other', async () => {
    const hanging = await source.plan(query('hang-before-headers'), context())
    const { port } = fake
    await fake.stop()
    for (let i = 0; i < 4; i++) await read('ok 1')
    expect(events.breaker).toEqual(['open'])
    fake = await FakeUpstream.start({ port })
    await expect.poll(() => events.breaker).toEqual(['open', 'half-open', 'closed'])
    const controller = new AbortController()
    const waiting = source.run(hanging, context(controller.signal)).catch((error: unknown) => error)
    // The probe's execution, and the hanging one.
    await expect.poll(() => fake.counts.executions).toBe(2)
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    controller.abort(new GatewayError('CANCELLED'))
    expect(await waiting).toMatchObject({ code: 'CANCELLED' })
  })

  it('upstream is slow, clients have short deadlines: DEADLINE, breaker stays closed, connections stay', async () => {
    for (const sql of ['plan hang', 'hang-before-headers'])
      for (let i = 0; i < 8; i++) expect((await read(sql, context(undefined, 40))).code).toBe('DEADLINE')
    expect([events.breaker, events.destroyed]).toEqual([[], []])
  })

  it.each([
    ['before it starts', 'hang-before-headers', 0],
    ['mid-stream', 'hang 2', 2 * BATCH_ROWS],
    ['in a later part of the result', 'ok 1 then hang-before-headers', BATCH_ROWS],
  ])(
    'upstream answers DEADLINE_EXCEEDED %s: client gets DEADLINE, no overload, no outage',
    async (_when, sql, rows) => {
      const slots = new AdaptiveLimiter({ minSlots: 1, maxSlots: 8, maxQueued: 0, queueWaitMs: 1 })
      /** Reads until the upstream hangs, and lets it answer when the clock shows `now`. */
      const readUntil = async (now: (deadlineAt: number) => number) => {
        const ctx = context()
        const { executions } = fake.counts
        const reading = read(sql, ctx)
        await expect.poll(() => fake.counts.executions).toBe(executions + sql.split(' then ').length)
        const clock = vi.spyOn(Date, 'now').mockReturnValue(now(ctx.deadlineAt))
        fake.calls.at(-1)!.finish(4, 'Deadline Exceeded')
        const seen = await reading
        clock.mockRestore()
        return seen
      }
      for (let i = 0; i < 3; i++) {
        const seen = await readUntil((deadlineAt) => deadlineAt - 200)
        expect(seen).toMatchObject({ rows, code: 'DEADLINE' })
        slots.onOutcome(new GatewayError(seen.code as ErrorCode))
      }
      expect([slots.slots, events.breaker, events.destroyed]).toEqual([8, [], []])
      // Far from the client's deadline, the status means a limit of the upstream.
      expect(await readUntil((deadlineAt) => deadlineAt - 15_000)).toMatchObject({ rows, code: 'UPSTREAM_TIMEOUT' })
    },
  )

  it('upstream does not speak HTTP/2: SOURCE_UNAVAILABLE at the connect timeout', async () => {
    const mute = await FakeUpstream.start({ begin: 'never' })
    await source.close()
    source = open({ uri: { host: '127.0.0.1', port: mute.port, tls: false }, connectTimeoutMs: 500 })
    expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
    await mute.stop()
  })

  it('host name does not resolve, or upstream has no TLS: SOURCE_UNAVAILABLE', async () => {
    await source.close()
    source = open({ uri: { host: 'nowhere.invalid', port: 1, tls: false }, connectTimeoutMs: 500 })
    expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
    await source.close()
    source = open({ uri: { host: '127.0.0.1', port: fake.port, tls: true }, connectTimeoutMs: 500 })
    expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
  })

  it('upstream has an untrusted certificate: SOURCE_UNAVAILABLE; with ca and serverName, or skipVerify: rows', async () => {
    const { cert, key } = selfSignedCertificate('upstream.test')
    const secure = await FakeUpstream.start({ tls: { cert, key } })
    const uri = { host: '127.0.0.1', port: secure.port, tls: true }
    const outcomes: unknown[] = []
    for (const tls of [
      { skipVerify: false },
      { skipVerify: false, ca: cert },
      { skipVerify: false, ca: cert, serverName: 'upstream.test' },
      { skipVerify: true },
    ]) {
      await source.close()
      source = open({ uri, tls })
      const { code, rows } = await read('ok 1')
      outcomes.push(code ?? rows)
    }
    expect(outcomes).toEqual(['SOURCE_UNAVAILABLE', 'SOURCE_UNAVAILABLE', BATCH_ROWS, BATCH_ROWS])
    await source.close()
    await secure.stop()
  })

  it('upstream requires a client certificate: SOURCE_UNAVAILABLE without one, rows with one', async () => {
    const [own, client] = [selfSignedCertificate('upstream.test'), selfSignedCertificate('gateway.test')]
    const secure = await FakeUpstream.start({ tls: { ...own, ca: client.cert } })
    const uri = { host: '127.0.0.1', port: secure.port, tls: true }
    const trusted = { skipVerify: false, ca: own.cert, serverName: 'upstream.test' }
    const outcomes: unknown[] = []
    for (const tls of [trusted, { ...trusted, cert: client.cert, key: client.key }]) {
      await source.close()
      source = open({ uri, tls })
      const { code, rows } = await read('ok 1')
      outcomes.push(code ?? rows)
    }
    expect(outcomes).toEqual(['SOURCE_UNAVAILABLE', BATCH_ROWS])
    await source.close()
    await secure.stop()
  })

  it('upstream hangs at planning: DEADLINE at the request timeout, lease is destroyed', async () => {
    await openWarm({ requestTimeoutMs: 500 })
    expect((await read('plan hang')).code).toBe('DEADLINE')
    expect(events.destroyed).toContain('failed')
  })

  it('upstream hangs before headers or mid-stream: DEADLINE, the upstream stream is cancelled', async () => {
    expect(await read('hang-before-headers', context(undefined, 400))).toMatchObject({ rows: 0, code: 'DEADLINE' })
    // Time enough for the rows on a machine that is busy.
    expect(await read('hang 2', context(undefined, 3000))).toMatchObject({ rows: 2 * BATCH_ROWS, code: 'DEADLINE' })
    await expect.poll(() => fake.ended.cancelled).toBe(2)
  })

  it.each([
    ['resets mid-stream', 'rst 3', 'SOURCE_UNAVAILABLE'],
    ['drops the connection mid-stream', 'cut 3', 'SOURCE_UNAVAILABLE'],
    ['ends in the middle of a message', 'truncated 3', 'UPSTREAM_DATA'],
    ['ends without a status', 'no-status 3', 'SOURCE_UNAVAILABLE'],
    ['ends without trailers', 'no-trailers 3', 'UPSTREAM_DATA'],
    ['sends a second schema mid-stream', 'second-schema 3', 'UPSTREAM_DATA'],
  ])('upstream %s (%s): client gets %s, never a silently truncated result', async (_what, sql, code) => {
    const seen = await read(sql)
    expect([seen.code, seen.rows <= 3 * BATCH_ROWS]).toEqual([code, true])
    expect(events.destroyed).toEqual(['failed'])
    // No retry: rows may have reached the client.
    expect(fake.counts.executions).toBe(1)
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
  })

  it('connection breaks during a change sent as a query: it is not retried', async () => {
    await source.close()
    source = open({ kind: 'dremio', writes: true })
    expect((await read('INSERT cut 0')).code).toBe('SOURCE_UNAVAILABLE')
    expect(fake.counts.executions).toBe(1)
  })

  it('upstream sends a message above maxMessageBytes: UPSTREAM_TOO_LARGE with the setting, no retry', async () => {
    await source.close()
    source = open({ maxMessageBytes: 5000 })
    const seen = await read('ok 2')
    expect(seen).toMatchObject({ rows: 0, code: 'UPSTREAM_TOO_LARGE' })
    expect(seen.message).toMatch(
      /^The source up sent a message of \d+ bytes, above the limit of 5000 \(sources\.up\.maxMessageBytes\)\.$/,
    )
    // No retry on another connection: the message would be as large.
    expect([fake.counts.executions, events.breaker]).toEqual([1, []])
  })

  it('upstream sends no schema: UPSTREAM_DATA', async () => {
    expect((await read('no-schema')).code).toBe('UPSTREAM_DATA')
  })

  it('upstream fails after good batches: UPSTREAM_FAILED without internals, connection stays', async () => {
    const seen = await read('fail 2')
    expect(seen).toMatchObject({ rows: 2 * BATCH_ROWS, code: 'UPSTREAM_FAILED' })
    expect(seen.message).not.toMatch(/java|broke/)
    expect(events.destroyed).toEqual([])
  })

  it('upstream answers UNAVAILABLE midway: UPSTREAM_BUSY, not SOURCE_UNAVAILABLE; connection stays', async () => {
    const seen = await read('unavailable 1')
    expect(seen).toMatchObject({ rows: BATCH_ROWS, code: 'UPSTREAM_BUSY' })
    expect(seen.message).not.toContain('node 7')
    expect(events.destroyed).toEqual([])
  })

  it.each([
    [3, 'BAD_SQL'],
    [5, 'UNKNOWN_OBJECT'],
    [7, 'UPSTREAM_FORBIDDEN'],
    [8, 'UPSTREAM_EXHAUSTED'],
    [4, 'UPSTREAM_TIMEOUT'],
    [12, 'UPSTREAM_UNIMPLEMENTED'],
    [13, 'UPSTREAM_FAILED'],
    [14, 'UPSTREAM_BUSY'],
  ])('upstream answers status %i at planning: %s, breaker stays closed', async (status, code) => {
    for (let i = 0; i < 8; i++) expect((await read(`plan ${status}`)).code).toBe(code)
    expect([events.breaker, events.destroyed]).toEqual([[], []])
  })

  it('result in parts: the client reads one result', async () => {
    expect(await read('ok 2 then ok 0 then drip 3')).toEqual({ rows: 5 * BATCH_ROWS })
    expect(await read('ok 2 then fail 1')).toMatchObject({ rows: 3 * BATCH_ROWS, code: 'UPSTREAM_FAILED' })
    expect([fake.counts.connections, events.destroyed]).toEqual([1, []])
  })

  it('reader leaves between two parts of a result: the upstream stream is cancelled', async () => {
    const ctx = context(undefined, 3_600_000)
    const frames = (await run('ok 1 then hang-before-headers', ctx)).frames[Symbol.asyncIterator]()
    expect((await frames.next()).value![0]!.rows).toBe(BATCH_ROWS)
    const pending = frames.next().catch((error: unknown) => error)
    await expect.poll(() => fake.counts.executions).toBe(2)
    await frames.return?.()
    await expect.poll(() => fake.openStreams).toBe(0)
    expect(fake.ended.cancelled).toBe(1)
    expect(await pending).toMatchObject({ code: 'CANCELLED' })
    expect([source.pools.all[0]!.pool.stats.idle, events.destroyed]).toEqual([1, []])
  })

  it('upstream drips rows: the client gets all of them', async () => {
    expect(await read('drip 10')).toEqual({ rows: 10 * BATCH_ROWS })
  })

  it('upstream sends GOAWAY on a busy or idle connection: running results finish, new ones use another connection', async () => {
    expect(await read('goaway 2')).toEqual({ rows: 3 * BATCH_ROWS })
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect(fake.counts.connections).toBe(2)
    // GOAWAY, then close, as servers do with idle connections.
    for (const session of fake.sessions) session.close()
    await expect.poll(() => fake.sessions.size).toBe(0)
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect(events.destroyed).toEqual(['unusable', 'unusable'])
  })

  it('login expires: the gateway logs in again on the same connection', async () => {
    await read('ok 1')
    fake.token = 'token-2'
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect([fake.counts.handshakes, fake.counts.connections]).toEqual([2, 1])
  })

  it('upstream refuses the login: UPSTREAM_LOGIN, not an error of the client', async () => {
    fake.everyCall = 'unauthenticated'
    expect((await read('ok 1')).code).toBe('UPSTREAM_LOGIN')
  })

  it('two clients wait for SqlInfo and the first cancels: the second gets the answer', async () => {
    fake.everyCall = 'hang'
    const leaving = new AbortController()
    const first = source.capabilities(context(leaving.signal)).catch((error: unknown) => error)
    const second = source.capabilities(context())
    const asked = () => source.pools.all[0]!.pool.stats.inUse
    await expect.poll(asked).toBe(1)
    fake.everyCall = undefined
    leaving.abort(new GatewayError('CANCELLED'))
    expect(await first).toMatchObject({ code: 'CANCELLED' })
    expect(await second).toMatchObject({ transactions: false, ingestion: false })
    expect(asked()).toBe(0)
  })

  it('client cancels at any stage: the upstream stops, connections stay', async () => {
    for (const [sql, stage, reached] of [
      ['plan hang', 'planning', () => fake.counts.plans === 1],
      ['hang-before-headers', 'waiting for rows', () => fake.counts.executions === 1],
      ['hang 2', 'reading', () => fake.counts.executions === 2],
    ] as const) {
      const controller = new AbortController()
      const reading = read(sql, context(controller.signal))
      await waitFor(reached, `the statement is at ${stage}`)
      controller.abort(new GatewayError('CANCELLED', stage))
      expect(await reading).toMatchObject({ code: 'CANCELLED', message: stage })
    }
    const result = await run('ok 1000')
    for await (const _ of result.frames) break
    await expect.poll(() => fake.openStreams).toBe(0)
    expect([fake.counts.connections, events.destroyed]).toEqual([1, []])
  })

  it.each([
    ['the result has been read', 'ok 3 ?', 3, undefined],
    ['the client has left', 'ok 1000 ?', 0, 'left'],
    ['the client has left before the first row', 'hang-before-headers 1 ?', 0, 'CANCELLED'],
    ['its parameters are refused', 'unbindable ?', 0, 'BAD_SQL'],
    ['it cannot be planned', 'plan 5 ?', 0, 'UNKNOWN_OBJECT'],
    ['it fails', 'fail 2 ?', 2, 'UPSTREAM_FAILED'],
  ])('prepared statement is closed once %s', async (_when, sql, batches, code) => {
    const controller = new AbortController()
    const prepared = { ...query(sql), parameters: new Uint8Array(0) }
    const ctx = context(controller.signal)
    let rows = 0
    const read = async () => {
      const { frames } = await source.run({ kind: 'read', query: prepared }, ctx)
      for await (const each of frames) {
        if (code === 'left') throw new GatewayError('CANCELLED', 'left')
        for (const frame of each) rows += frame.rows
      }
    }
    const outcome = read().then(
      () => undefined,
      (error: unknown) => GatewayError.from(error),
    )
    if (code === 'CANCELLED') {
      await expect.poll(() => fake.counts.executions).toBe(1)
      controller.abort(new GatewayError('CANCELLED'))
    }
    const failure = await outcome
    expect([code === 'left' ? failure?.message : failure?.code, rows]).toEqual([code, batches * BATCH_ROWS])
    await expect.poll(() => fake.prepared.open.size).toBe(0)
    await expect.poll(() => source.pools.all[0]!.pool.stats).toEqual({ size: 1, idle: 1, inUse: 0, waiting: 0 })
    expect(events.destroyed).toEqual([])
  })

  it('200 callers on 10 connections: all are served in turn', async () => {
    await source.close()
    source = open({}, { max: 10 })
    const all = await Promise.all(Array.from({ length: 200 }, () => read('ok 2')))
    expect(all.every(({ rows }) => rows === 2 * BATCH_ROWS)).toBe(true)
    expect(fake.counts.connections).toBeLessThanOrEqual(10)
    expect(source.pools.all[0]!.pool.stats.waiting).toBe(0)
  })

  it('all connections busy: a caller gets QUEUE_TIMEOUT at the wait limit', async () => {
    await openWarm({}, { max: 1, acquireTimeoutMs: 300 })
    const busy = await run('hang 1')
    const late = await read('ok 1')
    expect(late).toMatchObject({ code: 'QUEUE_TIMEOUT' })
    expect(late.message).toContain('pool.acquireTimeoutMs')
    await busy.frames[Symbol.asyncIterator]().return?.()
    await expect.poll(async () => (await read('ok 1')).rows).toBe(BATCH_ROWS)
    expect(events.breaker).toEqual([])
  })

  it('all connections busy: a caller cancels its wait', async () => {
    await source.close()
    source = open({}, { max: 1 })
    const busy = await run('hang 1')
    const controller = new AbortController()
    const leaving = read('ok 1', context(controller.signal))
    await waitFor(() => source.pools.all[0]!.pool.stats.waiting === 1, 'the caller waits for a connection')
    controller.abort(new GatewayError('CANCELLED'))
    expect((await leaving).code).toBe('CANCELLED')
    await busy.frames[Symbol.asyncIterator]().return?.()
    expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect(events.breaker).toEqual([])
  })

  it('connection becomes free after waiters cancelled: the remaining waiter gets it', async () => {
    await source.close()
    source = open({}, { max: 1 })
    const ctx = context()
    const busy = await source.run(await source.plan(query('hang 1'), ctx), ctx)
    const stats = () => source.pools.all[0]!.pool.stats
    const leaving = Array.from({ length: 5 }, () => new AbortController())
    const left = leaving.map(({ signal }) => read('ok 1', context(signal)))
    const staying = read('ok 1')
    await expect.poll(() => stats().waiting).toBe(6)
    for (const controller of leaving) controller.abort(new GatewayError('CANCELLED'))
    for (const each of await Promise.all(left)) expect(each.code).toBe('CANCELLED')
    expect(stats().waiting).toBe(1)
    await busy.frames[Symbol.asyncIterator]().return?.()
    expect(await staying).toEqual({ rows: BATCH_ROWS })
  })

  it('connection becomes free after waiters timed out: the remaining waiter gets it', async () => {
    await source.close()
    source = open({}, { max: 1, acquireTimeoutMs: 2000 })
    const stats = () => source.pools.all[0]!.pool.stats
    await expect.poll(() => read('ok 1')).toEqual({ rows: BATCH_ROWS })
    const busy = await run('hang 1')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const early = Array.from({ length: 5 }, () => read('ok 1'))
    await expect.poll(() => stats().waiting).toBe(5)
    vi.advanceTimersByTime(1500)
    const late = read('ok 1')
    await expect.poll(() => stats().waiting).toBe(6)
    vi.advanceTimersByTime(1500)
    vi.useRealTimers()
    for (const each of await Promise.all(early)) expect(each.code).toBe('QUEUE_TIMEOUT')
    await busy.frames[Symbol.asyncIterator]().return?.()
    expect(await late).toEqual({ rows: BATCH_ROWS })
    expect(stats()).toEqual({ size: 1, idle: 1, inUse: 0, waiting: 0 })
  })

  it('connecting takes longer than acquireTimeoutMs: SOURCE_UNAVAILABLE, not QUEUE_TIMEOUT, breaker opens', async () => {
    const mute = await FakeUpstream.start({ begin: 'never' })
    await source.close()
    const uri = { host: '127.0.0.1', port: mute.port, tls: false }
    source = open({ uri }, { acquireTimeoutMs: 100 })
    for (let i = 0; i < 4; i++) expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
    expect(events.breaker).toEqual(['open'])
    await source.close()
    await mute.stop()
  })

  it('upstream is unreachable: the pool keeps no idle connections', async () => {
    await source.close()
    source = open({ uri: { host: 'nowhere.invalid', port: 1, tls: false }, connectTimeoutMs: 500 }, { min: 2 })
    expect((await read('ok 1')).code).toBe('SOURCE_UNAVAILABLE')
    const { pool } = source.pools.all[0]!
    await expect.poll(() => pool.stats).toEqual({ size: 0, idle: 0, inUse: 0, waiting: 0 })
  })

  it('one of two addresses does not answer: the other is used', async () => {
    const second = await FakeUpstream.start()
    await source.close()
    source = open({ addresses: [{ host: '127.0.0.1', port: second.port, tls: false }] })
    for (let i = 0; i < 4; i++) expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect([fake.counts.executions, second.counts.executions]).toEqual([2, 2])
    const plan = await source.plan(query('ok 1'), context())
    await second.stop()
    for (let i = 0; i < 6; i++) expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    const result = await source.run(plan, context())
    for await (const _ of result.frames);
  })

  it('one of two addresses has all connections busy: the other is used without waiting', async () => {
    const second = await FakeUpstream.start()
    await source.close()
    source = open({ addresses: [{ host: '127.0.0.1', port: second.port, tls: false }] }, { max: 1 })
    const held = await Promise.all([run('hang 1'), run('ok 1')])
    const [busy, free] = fake.openStreams > 0 ? [fake, second] : [second, fake]
    for await (const _ of held[1]!.frames);
    const before = free.counts.executions
    for (let i = 0; i < 4; i++) expect(await read('ok 1')).toEqual({ rows: BATCH_ROWS })
    expect([free.counts.executions - before, busy.openStreams]).toEqual([4, 1])
    await held[0]!.frames[Symbol.asyncIterator]().return?.()
    await expect.poll(() => busy.openStreams).toBe(0)
    await source.close()
    await second.stop()
  })

  it.each([
    ['memory', { memoryBytes: 1 << 30, spillBytes: 0 }, 1000],
    ['memory, then a file', { memoryBytes: 100_000, spillBytes: 1 << 30 }, 1000],
    ['memory and a file up to their bounds', { memoryBytes: 100_000, spillBytes: 1_000_000 }, 130],
  ])(
    'slow consumer: the result is buffered in %s, then delivered complete and in order',
    async (_where, bounds, ahead) => {
      await source.close()
      source = open({ slowReader: { afterMs: 50, ...bounds } })
      const result = await run('ok 1000')
      const frames = result.frames[Symbol.asyncIterator]()
      let rows = (await frames.next()).value![0]!.rows
      await expect.poll(() => events.memory + events.spill).toBeGreaterThan((ahead - 20) * 8 * BATCH_ROWS)
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(events.maxMemory).toBeLessThanOrEqual(bounds.memoryBytes + 20_000)
      expect(events.maxSpill).toBeLessThanOrEqual(bounds.spillBytes + 20_000)
      if (ahead === 1000) await expect.poll(() => fake.openStreams).toBe(0)
      for (let next = await frames.next(); !next.done; next = await frames.next())
        for (const frame of next.value) {
          expect(frame.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(frame.byteLength)
          rows += frame.rows
        }
      expect(rows).toBe(1000 * BATCH_ROWS)
      expect([events.memory, events.spill]).toEqual([0, 0])
    },
  )

  it('slow consumer, spill directory unusable: backpressure on the upstream, no rows lost', async () => {
    await source.close()
    const slowReader = { afterMs: 20, memoryBytes: 50_000, spillBytes: 1 << 30, spillDirectory: '/nowhere/at/all' }
    source = open({ slowReader })
    const frames = (await run('ok 1000')).frames[Symbol.asyncIterator]()
    await expect.poll(() => events.maxMemory).toBeGreaterThan(50_000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(events.maxMemory).toBeLessThan(100_000)
    let rows = 0
    for (let next = await frames.next(); !next.done; next = await frames.next())
      for (const frame of next.value) rows += frame.rows
    expect([rows, events.memory, events.spill]).toEqual([1000 * BATCH_ROWS, 0, 0])
  })

  it('slow consumer, upstream fails meanwhile: client gets the buffered rows, then UPSTREAM_FAILED', async () => {
    await source.close()
    source = open({ slowReader: { afterMs: 20, memoryBytes: 1 << 20, spillBytes: 0 } })
    const frames = (await run('fail 5')).frames[Symbol.asyncIterator]()
    await waitFor(() => events.maxMemory > 3 * 8 * BATCH_ROWS && fake.openStreams === 0, 'the rows are read on')
    for (let i = 0; i < 5; i++) expect((await frames.next()).done).toBe(false)
    await expect(frames.next()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' })
  })

  it('load drops: idle connections are closed down to pool.min', async () => {
    await source.close()
    source = open({}, { min: 1, max: 8, healthCheckIntervalMs: 100, idleTimeoutMs: 60_000 })
    await Promise.all(Array.from({ length: 40 }, () => read('drip 2')))
    expect(source.pools.all[0]!.pool.stats.size).toBe(8)
    const { now } = Date
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000)
    await expect.poll(() => source.pools.all[0]!.pool.stats.size).toBe(1)
    expect(events.destroyed).toEqual(Array(7).fill('idle'))
    await source.close()
    expect(events.destroyed.at(-1)).toBe('closed')
    expect(fake.counts.handshakes).toBe(fake.counts.connections)
  })

  it('connections reach maxAgeMs, in use or idle: they are replaced', async () => {
    await source.close()
    source = open({}, { max: 1, maxAgeMs: 60_000 })
    const { now } = Date
    let laterMs = 0
    vi.spyOn(Date, 'now').mockImplementation(() => now() + laterMs)
    const ctx = context(undefined, 3_600_000)
    // The connection ages during the result, which still completes.
    const result = await run('ok 1000', ctx)
    laterMs += 60_000
    let rows = 0
    for await (const frames of result.frames) for (const frame of frames) rows += frame.rows
    expect(rows).toBe(1000 * BATCH_ROWS)
    expect([fake.counts.connections, events.destroyed]).toEqual([1, ['aged']])
    for (let connections = 2; connections < 5; connections++) {
      expect(await read('ok 1', ctx)).toEqual({ rows: BATCH_ROWS })
      expect(fake.counts.connections).toBe(connections)
      laterMs += 60_000
    }
    expect(events.destroyed).toEqual(['aged', 'aged', 'aged'])
  })

  it('health check fails on idle connections: they are replaced', async () => {
    await source.close()
    source = open({ requestTimeoutMs: 500 }, { min: 2, healthCheckIntervalMs: 100 })
    await expect.poll(() => source.pools.all[0]!.pool.stats.idle).toBe(2)
    fake.everyCall = 'hang'
    await expect.poll(() => events.destroyed.filter((reason) => reason === 'unhealthy').length).toBeGreaterThan(0)
    fake.everyCall = undefined
    await expect.poll(async () => (await read('ok 1')).rows).toBe(BATCH_ROWS)
    await expect.poll(() => source.pools.all[0]!.pool.stats.inUse).toBe(0)
  })
})
