import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CHUNK_BYTES } from '../../../src/state/redis/redis-blobs.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { describeState } from '../state-contract.ts'
import { newPrefix, openReplica, openReplicas, type RedisReplica } from './redis-replicas.ts'

const TTL_MS = 60_000
let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.close())

describeState('in Redis', async () => await openReplicas({ url: server.url }))

describe('the state in Redis', () => {
  let replica: RedisReplica
  let prefix: string
  const all = () => replica.connection.call((client) => client.keys(`${prefix}*`))
  beforeEach(async () => {
    prefix = newPrefix()
    replica = await openReplica({ url: server.url, keyPrefix: prefix }, { maxBlobBytes: 8 << 20 })
  })
  afterEach(() => replica.state.close())

  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])(
    'a blob of %i bytes comes back as it was, in values of at most 512 KiB',
    async (size) => {
      const { blobs } = replica.state
      const blob = new Uint8Array(size).map((_, i) => (i * 7) % 251)
      await blobs.set('b', blob, TTL_MS, 'me')
      expect(Buffer.from((await blobs.get('b'))!).equals(blob)).toBe(true)
      for (const key of await all()) {
        const length = (await replica.connection.call((client) => client.call('STRLEN', key)).catch(() => 0)) as number
        expect(length).toBeLessThanOrEqual(CHUNK_BYTES + 64)
        expect(await replica.connection.call((client) => client.pttl(key))).toBeGreaterThan(0)
      }
    },
  )

  it('the blobs of an owner are bounded: the oldest leave, those of others stay', async () => {
    const { blobs } = replica.state
    await blobs.set('other', new Uint8Array(CHUNK_BYTES), TTL_MS, 'other')
    for (let i = 0; i < 12; i++) await blobs.set(`own${i}`, new Uint8Array(CHUNK_BYTES), TTL_MS + i, 'me')
    const kept = await Promise.all(Array.from({ length: 12 }, (_, i) => blobs.get(`own${i}`)))
    expect(kept.map((each) => each !== undefined)).toEqual([...Array(4).fill(false), ...Array(8).fill(true)])
    expect(await blobs.get('other')).toBeDefined()
    expect((await all()).filter((key) => key.includes('chunk:'))).toHaveLength(9)
    await blobs.set('too large', new Uint8Array((4 << 20) + 1), TTL_MS, 'me')
    expect(await blobs.get('too large')).toBeUndefined()
    expect(await blobs.get('own11')).toBeDefined()
  })

  it('a blob that replaces another one leaves nothing of it', async () => {
    const { blobs } = replica.state
    for (let i = 0; i < 20; i++) await blobs.set('b', new Uint8Array(CHUNK_BYTES + i), TTL_MS, 'me')
    expect((await blobs.get('b'))!.byteLength).toBe(CHUNK_BYTES + 19)
    expect((await all()).filter((key) => key.includes('chunk:'))).toHaveLength(2)
  })

  it('a value that another client changed counts as absent, and is counted', async () => {
    const { store, blobs } = replica.state
    await store.set('v', Buffer.from('value'), TTL_MS)
    await store.set('w', Buffer.from('other'), TTL_MS)
    await store.increment('c', 5, TTL_MS)
    await store.addMember('m', 'a', TTL_MS, 10)
    await blobs.set('b', new Uint8Array(2 * CHUNK_BYTES), TTL_MS, 'me')
    const { connection, counted } = replica
    const name = `${prefix}state:v`
    const swapped = await connection.call((client) => client.getBuffer(`${prefix}state:w`))
    for (const lie of [Buffer.from('lie'), Buffer.alloc(0), Buffer.alloc(40, 1), swapped!]) {
      counted.corrupt = 0
      await connection.call((client) => client.set(name, lie))
      expect(await store.get('v')).toBeUndefined()
      expect(counted.corrupt).toBe(1)
    }
    await connection.call((client) => client.del(name))
    await connection.call((client) => client.lpush(name, 'x'))
    expect(await store.get('v')).toBeUndefined()
    expect(await store.setIfAbsent('v', Buffer.from('mine'), TTL_MS)).toBe(false)
    for (const lie of ['7', 'text', '7:00000000']) {
      await connection.call((client) => client.set(`${prefix}state:c`, lie))
      expect(await store.increment('c', 2, TTL_MS)).toBe(2)
    }
    await connection.call((client) => client.set(`${prefix}state:m`, 'x'))
    expect(await store.members('m', 10)).toEqual([])
    expect(await store.addMember('m', 'b', TTL_MS, 1)).toBe(true)
    const [chunk] = (await all()).filter((key) => key.includes('chunk:'))
    await connection.call((client) => client.setrange(chunk!, 1000, 'x'))
    expect(await blobs.get('b')).toBeUndefined()
    await connection.call((client) => client.del(chunk!))
    expect(await blobs.get('b')).toBeUndefined()
  })

  it('the same name as value, counter, set and blob of different uses never collides', async () => {
    const { state } = replica
    await state.store.set('a:b', Buffer.from('value'), TTL_MS)
    await state.store.increment('a', 3, TTL_MS)
    await state.store.addMember('a:', 'b', TTL_MS, 2)
    await state.blobs.set('a:b', Buffer.from('blob'), TTL_MS, 'a:b')
    await state.blobs.set('a', Buffer.from('blob of a'), TTL_MS, 'a')
    expect(Buffer.from((await state.store.get('a:b'))!).toString()).toBe('value')
    expect(await state.of('quotas').store.increment('a', 0, TTL_MS)).toBe(3)
    expect(await state.store.members('a:', 5)).toEqual(['b'])
    expect(Buffer.from((await state.blobs.get('a:b'))!).toString()).toBe('blob')
  })

  it('SCRIPT FLUSH and FLUSHALL: calls go on with an empty state', async () => {
    const { store } = replica.state
    await store.increment('c', 5, TTL_MS)
    await replica.connection.call((client) => client.script('FLUSH'))
    expect(await store.increment('c', 1, TTL_MS)).toBe(6)
    await server.flush()
    expect(await Promise.all(Array.from({ length: 20 }, () => store.increment('c', 1, TTL_MS)))).toContain(20)
  })
})
