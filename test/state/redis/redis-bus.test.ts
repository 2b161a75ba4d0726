import { expect, it } from 'vitest'
import { textChecksum } from '../../../src/state/redis/sealed-value.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { openReplica } from './redis-replicas.ts'

it.each(['no JSON', 'null', '{}'])(
  'a message of a stranger that no subscriber can read is counted, and harms nothing: %s',
  async (message) => {
    const server = await RedisServer.start()
    const replica = await openReplica({ url: server.url })
    const heard: unknown[] = []
    replica.state.bus.subscribe('topic', (text) => {
      const { items } = JSON.parse(text) as { items: string[] }
      heard.push(items.length)
    })
    const publish = (text: string) => {
      const line = `stranger ${textChecksum('topic', 'stranger', text)} ${text}`
      return replica.connection.call((redis) => redis.publish('test:bus:topic', line))
    }
    await expect.poll(() => publish(message)).toBe(1)
    await expect.poll(() => replica.counted.corrupt).toBe(1)
    await publish('{"items":[1,2]}')
    await expect.poll(() => heard).toEqual([2])
    await replica.state.close()
    await server.close()
  },
)
