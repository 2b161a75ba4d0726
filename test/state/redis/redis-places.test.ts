import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import { RedisLedger } from '../../../src/cost/ledger/redis/redis-ledger.ts'
import { describeLedger } from '../../cost/ledger/ledger-contract.ts'
import { RedisCluster } from '../../fakes/redis/redis-cluster.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { describeState } from '../state-contract.ts'
import { newPrefix, openReplica, openReplicas } from './redis-replicas.ts'

const TTL_MS = 60_000
const calendar = billingCalendar('America/Los_Angeles')

describe('a cluster of three servers', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start()
  }, 30_000)
  afterAll(() => cluster.close())

  describeState('in a cluster', async () => await openReplicas({ nodes: cluster.nodes }))

  describeLedger('a cluster', async () => {
    const keyPrefix = newPrefix()
    return {
      open: async () => {
        const { connection } = await openReplica({ nodes: cluster.nodes, keyPrefix })
        return Object.assign(new RedisLedger(connection, calendar), { close: () => connection.close() })
      },
      close: async () => {},
    }
  })

  it('one server is killed: the keys of the others work, and its own once it is back', async () => {
    const { state } = await openReplica({ nodes: cluster.nodes, keyPrefix: newPrefix() })
    const keys = Array.from({ length: 30 }, (_, i) => `key${i}`)
    const readAll = async () => {
      const values = await Promise.all(keys.map((key) => state.store.get(key).catch(() => undefined)))
      return values.filter((value) => value !== undefined).length
    }
    for (const key of keys) await state.store.set(key, Buffer.from(key), TTL_MS)
    expect(await readAll()).toBe(30)
    const [victim] = cluster.servers
    await victim!.stop()
    await expect.poll(readAll, { timeout: 10_000 }).toBeGreaterThan(5)
    expect(await readAll()).toBeLessThan(30)
    await victim!.restart()
    await expect.poll(readAll, { timeout: 15_000, interval: 200 }).toBe(30)
    await state.close()
  })
})

describe('sentinels', () => {
  it('the primary is killed: its replica takes over, and calls go on without a new start', async () => {
    const primary = await RedisServer.start()
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(primary.port))
    const sentinels = await Promise.all([1, 2, 3].map(() => RedisServer.startSentinel(primary.port, 2)))
    const places = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    const { state, connection } = await openReplica({ sentinels: places, primaryName: 'main', keyPrefix: newPrefix() })
    const heard: string[] = []
    state.bus.subscribe('topic', (message) => heard.push(message))
    await state.store.set('k', Buffer.from('v'), TTL_MS)
    const knowsReplica = async () => (await sentinels[0]!.send('SENTINEL replicas main')).includes(String(replica.port))
    await expect.poll(knowsReplica, { timeout: 15_000, interval: 200 }).toBe(true)
    const isCopied = async () => (await replica.send('INFO replication')).includes('master_link_status:up')
    await expect.poll(isCopied, { timeout: 10_000 }).toBe(true)
    await primary.stop()
    const writes = async () => {
      await state.store.set('k2', Buffer.from('v2'), TTL_MS)
      return true
    }
    await expect.poll(() => writes().catch(() => false), { timeout: 20_000, interval: 200 }).toBe(true)
    expect(Buffer.from((await state.store.get('k'))!).toString()).toBe('v')
    const other = await openReplica({ sentinels: places, primaryName: 'main', keyPrefix: connection.keyPrefix })
    const publishes = async () => {
      await other.state.bus.publish('topic', 'hello')
      return heard.length > 0
    }
    await expect.poll(() => publishes().catch(() => false), { timeout: 10_000, interval: 200 }).toBe(true)
    await Promise.all([state.close(), other.state.close()])
    await Promise.all([primary, replica, ...sentinels].map((server) => server.close()))
  }, 60_000)
})
