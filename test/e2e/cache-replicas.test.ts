import { expect, it } from 'vitest'
import { RedisServer } from '../fakes/redis/redis-server.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'

const apiKeys = [
  { name: 'writer', key: 'w', roles: ['writer'] },
  { name: 'reader', key: 'r' },
]

it('after a change through one replica, its writer reads fresh rows at the other at once; without Redis the cache is bypassed', async () => {
  const redis = await RedisServer.start()
  const engine = await GatewayProcess.start({
    cache: { maxBytes: 0 },
    sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT 1::BIGINT AS i'] } },
  })
  const config = {
    auth: { apiKeys },
    // Where Redis does not answer in time, the cache is bypassed.
    redis: { url: redis.url, commandTimeoutMs: 10_000 },
    // What each replica has in its memory is the point here.
    cache: { shared: { enabled: false } },
    sources: { up: { kind: 'flightsql', uri: engine.uri, writes: true } },
  }
  const [one, other] = [await GatewayProcess.start(config), await GatewayProcess.start(config)]
  const read = async (gateway: GatewayProcess, key: string) => {
    const answer = await postJson(
      gateway,
      '/api/v1/query',
      { query: 'SELECT sum(i) AS s FROM t' },
      { 'x-api-key': key },
    )
    const status = answer.headers.get('results-cache-status')
    return [status, Number((await jsonOf(answer)).rows[0].s)]
  }
  expect(await read(one, 'w')).toEqual(['MISS', 1])
  for (const key of ['w', 'r']) {
    expect(await read(other, key)).toEqual(['MISS', 1])
    expect(await read(other, key)).toEqual(['HIT', 1])
  }
  const change = await postJson(one, '/api/v1/query', { query: 'INSERT INTO t VALUES (10)' }, { 'x-api-key': 'w' })
  expect(change.status).toBe(200)
  expect(await read(other, 'w')).toEqual(['MISS', 11])
  expect(await read(one, 'w')).toEqual(['MISS', 11])
  expect(await read(other, 'r')).toEqual(['STALE', 1])
  expect(await read(other, 'w')).toEqual(['HIT', 11])
  await redis.stop()
  await expect.poll(() => read(other, 'w')).toEqual(['BYPASS', 11])
  for (const gateway of [one, other, engine]) expect(await gateway.stop()).toBe(0)
}, 60_000)
