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
    const stuck = new StuckStatements()
    demo = await DemoSource.open({ init: [stuck.init] }, { planTimeoutMs: 1000, queueWaitMs: 10_000 })
    const query = { source: 'demo', sql: stuck.plan(0), session: {}, purpose: 'any' } as const
    await expect(demo.source.plan(query, demo.context())).rejects.toMatchObject({
      code: 'PLAN_TIMEOUT',
      grpc: 'DEADLINE_EXCEEDED',
      retryable: false,
      message: expect.stringContaining('limits.planTimeoutMs'),
    })
    await expect.poll(() => demo.plan('SELECT 1')).toBe('OK')
    stuck.release()
    await expect.poll(() => demo.source.health(demo.context())).toMatchObject({ ok: true })
  })

  it('one principal’s planning blocks all its workers: other principals still plan', async () => {
    const stuck = new StuckStatements()
    demo = await DemoSource.open({ init: [stuck.init] }, { planTimeoutMs: 4000, queueWaitMs: 60_000 })
    let ended = 0
    const heavy = Array.from({ length: 5 }, (_, i) =>
      demo.plan(stuck.plan(i), { principal: 'greedy' }).finally(() => ended++),
    )
    let planned = 0
    do {
      expect(await demo.plan(`SELECT ${planned}`, { principal: 'modest' })).toBe('OK')
      // This statement did not wait for those of the other principal.
      if (planned++ === 0) expect(ended).toBe(0)
    } while (ended < heavy.length)
    const outcomes = new Set(await Promise.all(heavy))
    expect([...outcomes].sort()).toEqual(['PLAN_TIMEOUT', 'QUEUE_FULL'])
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
    limits: { planTimeoutMs: 3000 },
  })
  const greedy = new FlightStub(gateway.flight)
  const modest = new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
  const plan = (sql: string) => modest.call('GetFlightInfo', [commandOf(sql)], { 'x-api-key': 'key-of-modest' })
  expect((await plan('SELECT 0')).code).toBe(0)
  const comment = `-- ${'x'.repeat(1_000_000)}\n`
  const heavy = Array.from({ length: 3 }, (_, i) => [
    // Takes several times as long as the limit.
    nested(900, i),
    `${comment}SELECT ${i}`,
    `${columns(20_000)} WHERE range <> ${i}`,
  ])
  let answered = 0
  const ends = heavy.flat().map(async (sql) => {
    const end = await greedy.call('GetFlightInfo', [commandOf(sql)], { 'x-api-key': 'key-of-greedy' }, 60_000)
    answered++
    return end
  })
  for (let i = 1; i <= 10; i++) {
    expect((await plan(`SELECT ${i}`)).code).toBe(0)
    // This statement does not queue behind those of the other principal.
    if (i === 1) expect(answered).toBeLessThan(ends.length)
  }
  const codes = new Set(
    (await Promise.all(ends)).map(({ code, trailers }) => trailers?.get('x-flightgate-error')[0] ?? code),
  )
  expect(codes).toContain('PLAN_TIMEOUT')
  greedy.close()
  modest.close()
  await gateway.stop()
}, 120_000)
