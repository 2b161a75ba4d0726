import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import { RedisLedger } from '../../../src/cost/ledger/redis/redis-ledger.ts'
import { describeLedger } from '../../cost/ledger/ledger-contract.ts'
import { RedisCluster } from '../../fakes/redis/redis-cluster.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { describeState } from '../state-contract.ts'
import { newPrefix, openReplica, openReplicas } from './redis-replicas.ts'

const TTL_MS = 60_000
/** For calls that meet a server that is gone. */
const hasty = { connectTimeoutMs: 2000, commandTimeoutMs: 1000 }
const calendar = billingCalendar('America/Los_Angeles')

describe('a cluster of three servers', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start()
  })
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
    const { state } = await openReplica({ nodes: cluster.nodes, keyPrefix: newPrefix(), ...hasty })
    const keys = Array.from({ length: 30 }, (_, i) => `key${i}`)
    const readAll = async () => {
      const values = await Promise.all(keys.map((key) => state.store.get(key).catch(() => undefined)))
      return values.filter((value) => value !== undefined).length
    }
    const isSet = (key: string) =>
      state.store.set(key, Buffer.from(key), TTL_MS).then(
        () => true,
        () => false,
      )
    for (const key of keys) await expect.poll(() => isSet(key)).toBe(true)
    await expect.poll(readAll).toBe(30)
    const [victim] = cluster.servers
    await victim!.stop()
    await expect.poll(readAll).toBeGreaterThan(5)
    expect(await readAll()).toBeLessThan(30)
    await victim!.restart()
    await expect.poll(readAll, { interval: 200 }).toBe(30)
    await state.close()
  }, 120_000)
})

describe('sentinels', () => {
  it('the primary is killed: its replica takes over, and calls go on without a new start', async () => {
    const primary = await RedisServer.start()
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(primary.port))
    const sentinels = await Promise.all([1, 2, 3].map(() => RedisServer.startSentinel(primary.port, 2)))
    const places = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    const sentinel = { sentinels: places, primaryName: 'main', ...hasty }
    const { state, connection } = await openReplica({ ...sentinel, keyPrefix: newPrefix() })
    const heard: string[] = []
    state.bus.subscribe('topic', (message) => heard.push(message))
    const isSet = (key: string) =>
      state.store.set(key, Buffer.from('v'), TTL_MS).then(
        () => true,
        () => false,
      )
    await expect.poll(() => isSet('k')).toBe(true)
    const knowsReplica = async () => (await sentinels[0]!.send('SENTINEL replicas main')).includes(String(replica.port))
    await expect.poll(knowsReplica, { interval: 200 }).toBe(true)
    const isCopied = async () => (await replica.send('INFO replication')).includes('master_link_status:up')
    await expect.poll(isCopied).toBe(true)
    await primary.stop()
    await expect.poll(() => isSet('k2'), { interval: 200 }).toBe(true)
    const read = async () => Buffer.from((await state.store.get('k'))!).toString()
    await expect.poll(() => read().catch(() => undefined)).toBe('v')
    const other = await openReplica({ ...sentinel, keyPrefix: connection.keyPrefix })
    const publishes = async () => {
      await other.state.bus.publish('topic', 'hello')
      return heard.length > 0
    }
    await expect.poll(() => publishes().catch(() => false), { interval: 200 }).toBe(true)
    await Promise.all([state.close(), other.state.close()])
    await Promise.all([primary, replica, ...sentinels].map((server) => server.close()))
  }, 180_000)
})
