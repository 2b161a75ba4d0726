import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RedisBus } from '../../../src/state/redis/redis-bus.ts'
import { RedisConnection } from '../../../src/state/redis/redis-connection.ts'
import { placeOf } from '../../../src/state/redis/redis-settings.ts'
import { freePort } from '../../fakes/servers.ts'

const settings = { keyPrefix: 'test:', connectTimeoutMs: 500, commandTimeoutMs: 200 }

function recorder() {
  const lines: { level: string; fields: object; message: string }[] = []
  const at = (level: string) => (fields: object, message: string) => lines.push({ level, fields, message })
  return { lines, log: { debug() {}, info: at('info'), warn: at('warn'), error: at('error') } }
}

describe('the log of Redis', () => {
  afterEach(() => vi.useRealTimers())

  it('names the server that cannot be reached', async () => {
    const { lines, log } = recorder()
    const port = await freePort()
    const url = `redis://someone:hidden@127.0.0.1:${port}`
    const connection = await RedisConnection.open({ ...settings, url }, log)
    await connection.close()
    expect(lines).toEqual([
      {
        level: 'error',
        fields: expect.objectContaining({ event: 'redis', server: `127.0.0.1:${port}` }),
        message: 'Redis cannot be reached; the gateway keeps trying',
      },
    ])
  })

  it.each([
    [{ host: 'redis.internal' }, 'redis.internal:6379'],
    [{ url: 'rediss://u:p@redis.internal:7000/3' }, 'redis.internal:7000'],
    [
      {
        nodes: [
          { host: 'n1', port: 1 },
          { host: 'n2', port: 2 },
        ],
      },
      'the cluster of n1:1, n2:2',
    ],
    [{ sentinels: [{ host: 's1', port: 1 }], primaryName: 'main' }, 'main at the sentinels s1:1'],
  ])('tells no credentials: %j', (where, place) => {
    expect(placeOf({ ...settings, ...where })).toBe(place)
  })

  it('tells once that channels cannot be subscribed, and once that they are', async () => {
    vi.useFakeTimers()
    const { lines, log } = recorder()
    let works = false
    const subscriber = Object.assign(new EventEmitter(), {
      status: 'ready',
      subscribe: async () => {
        if (!works) throw new Error('timed out')
      },
    })
    const bus = new RedisBus({ keyPrefix: '', subscriber } as unknown as RedisConnection, log)
    for (const topic of ['a', 'b', 'c']) bus.subscribe(topic, () => {})
    await vi.advanceTimersByTimeAsync(5000)
    expect(lines.map(({ level }) => level)).toEqual(['error'])
    works = true
    await vi.advanceTimersByTimeAsync(5000)
    expect(lines.map(({ level }) => level)).toEqual(['error', 'info'])
    await bus.close()
  })
})
