import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diagnoseRedis } from '../../../src/state/redis/diagnose-redis.ts'
import { CHUNK_BYTES } from '../../../src/state/redis/redis-blobs.ts'
import type { RedisSettings } from '../../../src/state/redis/redis-settings.ts'
import { selfSignedCertificate } from '../../fakes/certificate.ts'
import { FaultyLink } from '../../fakes/redis/faulty-link.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { newPrefix, openReplica, patient, type RedisReplica } from './redis-replicas.ts'

const TTL_MS = 60_000
/** So long that only calls that hang reach it. */
const COMMAND_MS = 3000
const down = { code: 'STATE_UNAVAILABLE', retryable: true }

describe('Redis that fails', () => {
  let server: RedisServer
  let link: FaultyLink
  let replica: RedisReplica
  let keyPrefix: string
  beforeEach(async () => {
    server = await RedisServer.start('--appendonly', 'no')
    link = await FaultyLink.start(server.port)
    keyPrefix = newPrefix()
    replica = await openReplica({ host: '127.0.0.1', port: link.port, keyPrefix, commandTimeoutMs: COMMAND_MS })
  })
  afterEach(async () => {
    await replica.state.close()
    await link.close()
    await server.close()
  })

  const works = async () => {
    const { store, blobs } = replica.state
    const results = await Promise.all([
      store.set('k', Buffer.from('v'), TTL_MS),
      store.increment('c', 1, TTL_MS),
      blobs.set('b', new Uint8Array(2 * CHUNK_BYTES), TTL_MS, 'me'),
    ]).catch(() => undefined)
    return results !== undefined
  }

  it('stops (SIGSTOP): one call waits for its limit, others fail at once; it works again without a new start', async () => {
    expect(await works()).toBe(true)
    server.pause(true)
    const { store } = replica.state
    await expect(store.get('k')).rejects.toMatchObject(down)
    await expect.poll(() => replica.counted.timeout).toBe(1)
    for (let i = 0; i < 200; i++) await expect(store.get('k')).rejects.toMatchObject(down)
    // Once in a second a call tries again.
    expect(replica.counted.timeout).toBeLessThan(5)
    expect(replica.state.breakers().filter(({ isOpen }) => isOpen)).toEqual([{ use: 'statements', isOpen: true }])
    // Another use has its own limit and breaker.
    await expect(replica.state.of('cache').store.get('k')).rejects.toMatchObject(down)
    server.pause(false)
    await expect.poll(works, { interval: 100 }).toBe(true)
    expect(
      replica.state
        .breakers()
        .filter(({ isOpen }) => isOpen)
        .map(({ use }) => use),
    ).not.toContain('statements')
  })

  it('is killed and restarted, empty: calls fail at once, then work', async () => {
    expect(await works()).toBe(true)
    await server.stop()
    for (let i = 0; i < 20; i++) await expect(replica.state.store.get('k')).rejects.toMatchObject(down)
    expect(replica.counted.timeout).toBeLessThan(2)
    await expect.poll(() => replica.connection.isUp).toBe(false)
    await server.restart()
    await expect.poll(works, { interval: 100 }).toBe(true)
    expect(replica.connection.isUp).toBe(true)
  })

  it('is slow: the cache gives up before sessions do', async () => {
    await replica.state.store.set('k', Buffer.from('v'), TTL_MS)
    link.delayMs = 200
    await expect(replica.state.of('cache').store.get('k')).rejects.toMatchObject(down)
    expect(await replica.state.store.get('k')).toBeDefined()
    link.delayMs = 0
    await expect
      .poll(
        () =>
          replica.state
            .of('cache')
            .store.get('k')
            .catch(() => undefined),
        { interval: 100 },
      )
      .toBeDefined()
  })

  it('large values on their way do not delay small commands', async () => {
    const { blobs, store } = replica.state
    link.holdsLarge = true
    const transfers = Promise.all(
      Array.from({ length: 8 }, (_, i) => blobs.set(`b${i}`, new Uint8Array(4 << 20), TTL_MS, `owner${i}`)),
    )
    let isOver = false
    void transfers.finally(() => {
      isOver = true
    })
    await expect.poll(() => link.heldCount).toBeGreaterThan(0)
    for (let i = 1; i <= 20; i++) expect(await store.increment('c', 1, TTL_MS)).toBe(i)
    expect(isOver).toBe(false)
    link.release()
    await transfers
    expect((await blobs.get('b7'))!.byteLength).toBe(4 << 20)
  })

  it('lies: changed bytes count as absent, broken answers as an error; it works again afterwards', async () => {
    const { store, blobs } = replica.state
    await store.set('k', Buffer.from('a value'), TTL_MS)
    await blobs.set('b', new Uint8Array(3 * CHUNK_BYTES).fill(1), TTL_MS, 'me')
    link.change = (answer) => Buffer.from(answer.map((byte) => (byte === 1 ? 2 : byte === 0x61 ? 0x62 : byte)))
    expect(await store.get('k')).toBeUndefined()
    expect(await blobs.get('b')).toBeUndefined()
    expect(replica.counted.corrupt).toBeGreaterThanOrEqual(2)
    link.change = () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')
    await expect(store.get('k')).rejects.toMatchObject(down)
    link.change = (answer) => answer.subarray(0, 1)
    await expect(store.get('k')).rejects.toMatchObject(down)
    link.change = undefined
    await expect.poll(works, { interval: 100 }).toBe(true)
    expect(Buffer.from((await store.get('k'))!).toString()).toBe('v')
  })

  it('is flushed in the middle of load: no call fails', async () => {
    const busy = await openReplica({ url: server.url, keyPrefix })
    const { store, blobs } = busy.state
    const until = performance.now() + 500
    const load = Array.from({ length: 8 }, async (_, i) => {
      while (performance.now() < until) {
        await store.set(`k${i}`, Buffer.from('v'), TTL_MS)
        await store.get(`k${i}`)
        await store.increment('c', 1, TTL_MS)
        await store.addMember('m', `${i}`, TTL_MS, 10)
        await blobs.set(`b${i}`, new Uint8Array(CHUNK_BYTES + 1), TTL_MS, 'me')
        await blobs.get(`b${i}`)
      }
    })
    for (let i = 0; i < 5; i++) {
      await server.flush()
      await server.send('SCRIPT FLUSH')
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    await Promise.all(load)
    expect(busy.counted.error).toBe(0)
    await busy.state.close()
  })

  it('loses its connections: messages of others arrive again, those of the same replica all the time', async () => {
    const other = await openReplica({ url: server.url, keyPrefix })
    const heard: string[] = []
    replica.state.bus.subscribe('topic', (message) => heard.push(message))
    const hears = async (sender: RedisReplica, message: string) => {
      await sender.state.bus.publish('topic', message).catch(() => {})
      return heard.includes(message)
    }
    await expect.poll(() => hears(other, 'first')).toBe(true)
    link.cut()
    await server.stop()
    expect(await hears(replica, 'own')).toBe(true)
    expect(heard.filter((message) => message === 'own')).toHaveLength(1)
    await server.restart()
    await expect.poll(() => hears(other, 'second'), { interval: 100 }).toBe(true)
    await other.state.close()
  })
})

describe('Redis with TLS and a user of its own', () => {
  const certificate = selfSignedCertificate('redis.test')
  let server: RedisServer
  let link: FaultyLink
  let settings: RedisSettings
  beforeEach(async () => {
    server = await RedisServer.start()
    await server.send('ACL SETUSER gate on >hunter2 ~own:* resetchannels &own:* +@all -@admin')
    await server.send('ACL SETUSER default off')
    link = await FaultyLink.start(server.port, certificate)
    settings = {
      url: `rediss://gate@127.0.0.1:${link.port}`,
      password: 'hunter2',
      keyPrefix: 'own:',
      tls: { ca: Buffer.from(certificate.cert), serverName: 'redis.test' },
      ...patient,
    }
  })
  afterEach(async () => {
    await link.close()
    await server.close()
  })
  const findings = async (more: Partial<RedisSettings> = {}) => {
    const found: string[] = []
    for await (const { step, ok, detail, advice = '' } of diagnoseRedis({ ...settings, ...more }))
      found.push(`${step} ${ok}: ${detail} -> ${advice}`)
    return found
  }

  it('the state works, and doctor says so', async () => {
    const replica = await openReplica(settings)
    await replica.state.store.set('k', Buffer.from('v'), TTL_MS)
    expect(await replica.state.store.get('k')).toBeDefined()
    await replica.state.close()
    const found = await findings()
    expect(found.map((each) => each.split(':')[0])).toEqual([
      'connect true',
      'write true',
      'scripts true',
      'messages true',
    ])
    expect(found[0]).toContain('version 6.2')
  })

  it.each<[string, Partial<RedisSettings>, RegExp]>([
    ['a wrong password', { password: 'wrong' }, /connect false: .*-> check redis.username and redis.password/],
    ['an unknown certificate', { tls: { serverName: 'redis.test' } }, /connect false: .*-> check redis.tls.ca/],
    ['another name in the certificate', { tls: { ca: Buffer.from(certificate.cert) } }, /-> check redis.tls.ca/],
    ['no server', { url: 'redis://127.0.0.1:1', tls: undefined }, /ECONNREFUSED.* -> check that Redis runs there/],
    ['keys that the user may not use', { keyPrefix: 'other:' }, /write false: .*NOPERM.*-> allow the ACL user/],
  ])('doctor tells what to do about %s', async (_name, more, expected) => {
    const found = (await findings(more)).join('\n')
    expect(found).toMatch(expected)
    expect(found).not.toContain('hunter2')
  })
})
