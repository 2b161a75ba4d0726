import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RedisServer } from '../fakes/redis/redis-server.ts'
import { GatewayProcess } from './gateway-process.ts'
import { BYTES, PricedShop, spentOf, times } from './priced-shop.ts'

let tests = 0
let shop: PricedShop
beforeEach(async () => {
  shop = await PricedShop.start(2000)
})
afterEach(() => shop.fake.close())

describe('two gateways that share Redis', () => {
  let redis: RedisServer
  let gateways: GatewayProcess[]
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  beforeEach(async () => {
    const config = shop.configOf({ redis: { url: redis.url, keyPrefix: `t${++tests}:`, commandTimeoutMs: 10_000 } })
    gateways = await Promise.all([GatewayProcess.start(config), GatewayProcess.start(config)])
  })
  afterEach(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
  })
  afterAll(() => redis.close())

  it('50 statements at the same time against a budget for 10: exactly 10 run, and no more is billed', async () => {
    const [a, b] = gateways as [GatewayProcess, GatewayProcess]
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => shop.query(i % 2 ? a : b)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    for (const { status, body } of answers.filter((each) => each.status !== 200)) {
      expect(status).toBe(429)
      expect(body).toMatchObject({ code: 'BUDGET_EXCEEDED', retryable: false, details: { account: 'source/wh' } })
    }
    await expect.poll(() => spentOf(a)).toEqual(times(10))
    expect(shop.fake.billedBytes).toBe(10 * BYTES)
    await expect.poll(() => spentOf(b, 'reserved')).toBe(0)
    const warnings = async () => {
      const warned = await Promise.all(gateways.map((each) => each.metric('flightgate_budget_warnings_total')))
      return warned.reduce((sum, each) => sum + each)
    }
    // A process warns once Redis has told it that no other one has.
    await expect.poll(warnings).toBe(3)
  })

  it('one is killed in the middle: what it reserved counts, and its bills are asked for after its start', async () => {
    const [a, b] = gateways as [GatewayProcess, GatewayProcess]
    const release = shop.fake.jobs.hold()
    const lost = Promise.allSettled(Array.from({ length: 5 }, () => shop.query(a)))
    await expect.poll(() => shop.fake.jobs.all.length).toBe(5)
    await expect.poll(() => spentOf(b, 'reserved')).toEqual(times(5))
    a.signal('SIGKILL')
    await a.exited
    release()
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.query(b)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    await lost
    await expect.poll(() => shop.fake.billedBytes).toBe(10 * BYTES)
    await b.stop()
    const again = await GatewayProcess.start(shop.configOf({ redis: { url: redis.url, keyPrefix: `t${tests}:` } }))
    gateways.push(again)
    await expect.poll(() => spentOf(again)).toEqual(times(10))
    await expect.poll(() => spentOf(again, 'reserved')).toBe(0)
  }, 120_000)

  it('Redis that loses its data while a statement runs: its bill counts all the same', async () => {
    const [a] = gateways as [GatewayProcess]
    const release = shop.fake.jobs.hold()
    const answer = shop.query(a)
    await expect.poll(() => shop.fake.jobs.all.length).toBe(1)
    await redis.flush()
    release()
    expect((await answer).status).toBe(200)
    await expect.poll(() => spentOf(a)).toEqual(times(1))
  })

  it('Redis that stops: statements are refused, and run again once it answers', async () => {
    const [a] = gateways as [GatewayProcess]
    expect((await shop.query(a)).status).toBe(200)
    await redis.stop()
    for (let i = 0; i < 3; i++)
      expect(await shop.query(a)).toMatchObject({ status: 503, body: { code: 'STATE_UNAVAILABLE', retryable: true } })
    await redis.restart()
    await expect.poll(async () => (await shop.query(a)).status, { interval: 200 }).toBe(200)
    redis.pause(true)
    expect((await shop.query(a)).status).toBe(503)
    redis.pause(false)
    await expect.poll(async () => (await shop.query(a)).status, { interval: 200 }).toBe(200)
    await expect.poll(() => spentOf(a)).toEqual(times(3))
  }, 120_000)
})
