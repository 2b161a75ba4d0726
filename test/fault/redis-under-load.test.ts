import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  Result,
  type SessionOptionValue,
  SetSessionOptionsRequest,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { readFlightData } from '../../src/arrow/ipc/flight-data.ts'
import { decodeSchema } from '../../src/arrow/schema.ts'
import { FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { RedisServer } from '../fakes/redis/redis-server.ts'

type Headers = Readonly<Record<string, string>>
const text = (value: string): SessionOptionValue => ({ optionValue: { $case: 'stringValue', value } })
const key: Headers = { 'x-api-key': 'k' }

describe('two gateways that share Redis', () => {
  let redis: RedisServer
  let gateways: GatewayProcess[]
  let stubs: FlightStub[]
  beforeAll(async () => {
    redis = await RedisServer.start('--appendonly', 'no')
    const config = {
      auth: { apiKeys: [{ name: 'me', key: 'k' }], sealKeys: ['x'.repeat(32)] },
      redis: { url: redis.url, commandTimeoutMs: 500 },
      quotas: { requestsPerMinute: 100_000, maxConcurrentStatements: 1000, maxBytesPerDay: 2 ** 40 },
      cache: { maxBytes: 0 },
      sources: {
        demo: {
          kind: 'duckdb',
          init: [
            'CREATE TABLE t AS SELECT 1 AS in_main',
            'CREATE SCHEMA other',
            'CREATE TABLE other.t AS SELECT 1 AS in_other',
          ],
        },
      },
    }
    gateways = await Promise.all([GatewayProcess.start(config), GatewayProcess.start(config)])
    stubs = gateways.map(({ flight }) => new FlightStub(flight))
  })
  afterAll(async () => {
    for (const stub of stubs) stub.close()
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await redis.close()
  })

  /** Plans at one gateway and reads at the other; undefined if a call failed. */
  const columnOf = async (headers: Headers, at = 0): Promise<string | undefined> => {
    const info = await stubs[at]!.info('SELECT * FROM t', headers).catch(() => undefined)
    if (!info) return undefined
    const { messages } = await stubs[1 - at]!.call('DoGet', [ticketOf(info)], headers)
    return messages.length === 0 ? undefined : decodeSchema(readFlightData(messages[0]!).header).children[0]!.name
  }
  const beginSession = async (): Promise<Headers> => {
    const body = SetSessionOptionsRequest.encode({ sessionOptions: { schema: text('other') } }).finish()
    const end = await stubs[0]!.call('DoAction', [Action.encode({ type: 'SetSessionOptions', body }).finish()], key)
    Result.decode(end.messages[0]!)
    const mine = { ...key, cookie: String(end.headers!.get('set-cookie')[0]).split(';')[0]! }
    // A session belongs to its connection until its cookie comes back: other calls must not be part of it.
    await stubs[0]!.info('SELECT 1', mine)
    return mine
  }
  const columnOfSession = async () => {
    const mine = await beginSession().catch(() => undefined)
    return mine && (await columnOf(mine, 1))
  }
  const up = async () => await Promise.all(gateways.map((gateway) => gateway.metric('flightgate_redis_up')))

  it('a session of one gateway is valid at the other', async () => {
    // A call fails where Redis takes longer than commandTimeoutMs, as it may on a machine that is busy.
    await expect.poll(columnOfSession).toBe('in_other')
    expect(await columnOf(key, 1)).toBe('in_main')
    await expect.poll(up).toEqual([1, 1])
  })

  it.each<[string, () => unknown, () => unknown]>([
    ['is stopped by SIGSTOP', () => redis.pause(true), () => redis.pause(false)],
    ['is killed', () => redis.stop(), () => redis.restart()],
    ['is flushed', () => redis.flush(), () => redis.send('SCRIPT FLUSH')],
  ])(
    'Redis %s in the middle of load: statements go on, and sessions work again without a new start',
    async (_name, fail, mend) => {
      let isOver = false
      let failed = 0
      let done = 0
      const load = Array.from({ length: 4 }, async (_, i) => {
        while (!isOver)
          if ((await columnOf(key, i % 2)) === 'in_main') done++
          else failed++
      })
      /** Lets some time pass, and some statements end that began meanwhile. */
      const goOn = async (ms: number) => {
        const before = done
        await new Promise((resolve) => setTimeout(resolve, ms))
        await expect.poll(() => done - before).toBeGreaterThan(2 * load.length)
      }
      await goOn(200)
      await fail()
      await goOn(1200)
      await mend()
      await goOn(500)
      isOver = true
      await Promise.all(load)
      expect(failed).toBe(0)
      await expect.poll(columnOfSession, { interval: 200 }).toBe('in_other')
      await expect.poll(up, { interval: 200 }).toEqual([1, 1])
    },
  )
})
