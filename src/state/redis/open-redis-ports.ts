import type { Logger } from '../../query/types.ts'
import type { StatePorts } from '../state-ports.ts'
import { RedisBlobs } from './redis-blobs.ts'
import { RedisBus } from './redis-bus.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisStore } from './redis-store.ts'

/** The ports of the shared state in Redis. @param maxOwnerBytes bound of the blobs of one owner, in bytes */
export function openRedisPorts(redis: RedisConnection, maxOwnerBytes: number, log: Logger): StatePorts {
  return { store: new RedisStore(redis), blobs: new RedisBlobs(redis, maxOwnerBytes), bus: new RedisBus(redis, log) }
}
