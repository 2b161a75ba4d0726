import { afterEach, describe, expect, it } from 'vitest'
import { commandOf, FlightStub } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { DemoSource } from './demo-source.ts'
import { StuckStatements } from './stuck-statements.ts'

const columns = (count: number) =>
  `SELECT ${Array.from({ length: count }, (_, i) => `range + ${i} AS c${i}`).join(', ')} FROM range(1)`
const nested = (depth: number, value: number) => `SELECT ${'['.repeat(depth)}${value}${']'.repeat(depth)}`
const late = { timeout: 60_000 }

describe('expensive planning', () => {
  let demo: DemoSource
  afterEach(async () => {
    await demo.source.close()
  })

  it('planning exceeds its time limit: client gets PLAN_TIMEOUT with the name of the setting', async () => {
    demo = await DemoSource.open({}, { planTimeoutMs: 300, queueWaitMs: 10_000 })
    const query = { source: 'demo', sql: nested(500, 1), session: {}, purpose: 'any' } as const
    await expect(demo.source.plan(query, demo.context())).rejects.toMatchObject({
      code: 'PLAN_TIMEOUT',
      grpc: 'DEADLINE_EXCEEDED',
      retryable: false,
      message: expect.stringContaining('limits.planTimeoutMs'),
    })
    expect(await demo.plan('SELECT 1')).toBe('OK')
    await expect.poll(() => demo.source.health(demo.context())).toMatchObject({ ok: true })
  })

  it('one principal’s planning blocks all its workers: other principals still plan', async () => {
    const stuck = new StuckStatements()
    demo = await DemoSource.open({ init: [stuck.init] }, { planTimeoutMs: 1500, queueWaitMs: 30_000 })
    const heavy = Array.from({ length: 5 }, (_, i) => demo.plan(stuck.plan(i), { principal: 'greedy' }))
    let isOver = false
    const over = Promise.all(heavy).finally(() => {
      isOver = true
    })
    let slowestMs = 0
    let planned = 0
    while (!isOver) {
      const from = performance.now()
      expect(await demo.plan(`SELECT ${planned++}`, { principal: 'modest' })).toBe('OK')
      slowestMs = Math.max(slowestMs, performance.now() - from)
    }
    const outcomes = new Set(await over)
    expect([...outcomes].sort()).toEqual(['PLAN_TIMEOUT', 'QUEUE_FULL'])
    expect(slowestMs).toBeLessThan(5000)
    stuck.release()
    await expect.poll(() => demo.plan('SELECT 0', { principal: 'greedy' }), late).toBe('OK')
  }, 90_000)
})

it('one principal plans wide, long and deep statements: another is served meanwhile', async () => {
  const gateway = await GatewayProcess.start({
    auth: {
      apiKeys: [
        { name: 'greedy', key: 'key-of-greedy' },
        { name: 'modest', key: 'key-of-modest' },
      ],
    },
    limits: { planTimeoutMs: 1000 },
  })
  const greedy = new FlightStub(gateway.flight)
  const modest = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
  const comment = `-- ${'x'.repeat(1_000_000)}\n`
  const heavy = Array.from({ length: 3 }, (_, i) => [
    nested(500, i),
    `${comment}SELECT ${i}`,
    `${columns(20_000)} WHERE range <> ${i}`,
  ])
  const ends = heavy
    .flat()
    .map((sql) => greedy.call('GetFlightInfo', [commandOf(sql)], { 'x-api-key': 'key-of-greedy' }))
  let answered = 0
  for (const end of ends) void end.then(() => answered++)
  const seen: number[] = []
  for (let i = 0; i < 10; i++) {
    const from = performance.now()
    const { code } = await modest.call('GetFlightInfo', [commandOf(`SELECT ${i}`)], { 'x-api-key': 'key-of-modest' })
    expect(code).toBe(0)
    seen.push(performance.now() - from)
    // This statement does not queue behind those of the other principal.
    if (i === 0) expect(answered).toBeLessThan(ends.length)
  }
  expect(Math.max(...seen)).toBeLessThan(6000)
  const codes = new Set(
    (await Promise.all(ends)).map(({ code, trailers }) => trailers?.get('x-flightgate-error')[0] ?? code),
  )
  expect(codes).toContain('PLAN_TIMEOUT')
  greedy.close()
  modest.close()
  await gateway.stop()
}, 60_000)
