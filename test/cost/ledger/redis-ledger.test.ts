import { describe, expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import { RedisLedger } from '../../../src/cost/ledger/redis/redis-ledger.ts'
import { RedisConnection } from '../../../src/state/redis/redis-connection.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { describeLedger } from './ledger-contract.ts'

const calendar = billingCalendar('America/Los_Angeles')
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const COMMAND_MS = 30_000
const openAt = async (url: string) => {
  const settings = { url, keyPrefix: 'test:{cost}:', connectTimeoutMs: COMMAND_MS, commandTimeoutMs: COMMAND_MS }
  const connection = await RedisConnection.open(settings, log)
  const ledger = new RedisLedger(connection, calendar)
  return Object.assign(ledger, { close: () => connection.close() })
}

describeLedger('Redis', async () => {
  const server = await RedisServer.start()
  return { open: () => openAt(server.url), close: () => server.close() }
})

describe('Redis that goes away', () => {
  it('calls fail at once while it is down, and work again after its restart with what it held', async () => {
    const server = await RedisServer.start()
    const ledger = await openAt(server.url)
    const source = { kind: 'source', name: 's' } as const
    const one = {
      id: 'a',
      source: 's',
      principal: 'p',
      groups: [],
      statement: { hash: 'h' },
      nanoUsd: 5,
      bytes: 5,
      at: 1,
      expiresAt: 2,
    }
    await ledger.reserve(one, [])
    await server.stop()
    await expect(ledger.release('a')).rejects.toThrow()
    const from = performance.now()
    await expect(ledger.release('a')).rejects.toThrow()
    expect(performance.now() - from).toBeLessThan(COMMAND_MS / 2)
    await server.restart()
    const balances = () => ledger.balances([{ account: source, period: 'day' }], 1)
    await expect.poll(() => balances().catch(() => undefined)).toEqual([{ spentNanoUsd: 0, reservedNanoUsd: 5 }])
    await ledger.release('a')
    expect(await balances()).toEqual([{ spentNanoUsd: 0, reservedNanoUsd: 0 }])
    await ledger.close()
    await server.close()
  })
})
