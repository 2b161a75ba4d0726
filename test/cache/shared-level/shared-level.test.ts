import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { SharedLevel } from '../../../src/cache/shared-level/shared-level.ts'
import { Sealer } from '../../../src/query/seal/sealer.ts'
import { RedisConnection } from '../../../src/state/redis/redis-connection.ts'
import { RedisServer } from '../../fakes/redis/redis-server.ts'
import { waitFor } from '../../wait-for.ts'
import { bob, type CachedOptions, CachedPipeline, FakeChanges } from '../cached-pipeline.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const quiet = { onRead() {}, onStored() {}, onError() {}, onCorrupt() {}, onWritten() {} }

/** Of a command, in milliseconds; only a Redis that hangs reaches it. */
const COMMAND_MS = 30_000
/** Of a small command of a level that gives up soon, in milliseconds. */
const HASTY_MS = 250

/** Two processes with a cache each, and one Redis. */
describe('the cache level in Redis', () => {
  let server: RedisServer
  let connections: RedisConnection[] = []
  let levels: SharedLevel[] = []
  let rowsKeys: Sealer[] = []

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(async () => {
    await server.close()
  })
  beforeEach(async () => {
    await server.flush()
    const limits = { connectTimeoutMs: COMMAND_MS, commandTimeoutMs: COMMAND_MS }
    const settings = { url: server.url, keyPrefix: 'test:', ...limits }
    connections = await Promise.all([RedisConnection.open(settings, log), RedisConnection.open(settings, log)])
    rowsKeys = [new Sealer(['one key']), new Sealer(['one key'])]
    openLevels(COMMAND_MS)
  })
  afterEach(async () => {
    for (const connection of connections) await connection.close()
  })

  const openLevels = (commandTimeoutMs: number) => {
    const limits = { commandTimeoutMs, maxPendingBytes: 64 << 20 }
    levels = connections.map(
      (redis, i) => new SharedLevel({ redis, rowsKey: () => rowsKeys[i]!.sharedKey('rows') }, limits, log, quiet),
    )
  }
  const pair = (options: CachedOptions = {}) => {
    const changes = new FakeChanges()
    const large = { maxBytes: 64 << 20, maxEntryBytes: 32 << 20 }
    const [a, b] = levels.map((shared) => new CachedPipeline({ ...large, shared, changes, ...options }))
    return [a!, b!] as const
  }
  const stored = (count: number) =>
    waitFor(() => levels.reduce((sum, { stats }) => sum + stats.stored, 0) >= count, 'the rows in Redis')
  const keysOf = (pattern: string) =>
    connections[0]!.call((redis) => (redis as { keys(p: string): Promise<string[]> }).keys(pattern))
  /** A process has told the one that runs a statement that it reads its rows. */
  const followed = () => waitFor(async () => (await keysOf('test:rows:*:followed')).length > 0, 'a follower of the run')

  it('has the rows of one process for another one, which then has them in memory', async () => {
    const [a, b] = pair()
    const first = await a.read()
    expect(first.outcome).toMatchObject({ result: 'MISS', isStored: true })
    await stored(1)
    const second = await b.read()
    expect([second.run, second.outcome]).toEqual([1, expect.objectContaining({ result: 'HIT', level: 'shared' })])
    const bytesOf = ({ frames }: typeof first) => Buffer.concat(frames.flatMap(({ chunks }) => chunks))
    expect(bytesOf(second)).toEqual(bytesOf(first))
    expect((await b.read()).outcome).toMatchObject({ result: 'HIT', level: 'memory' })
    expect([a.runs, b.runs]).toEqual([1, 0])
  })

  it('has large rows in chunks', async () => {
    const [a, b] = pair()
    a.bodyBytes = 700_000
    a.framesPerRun = 12
    const first = await a.read()
    await stored(1)
    const second = await b.read()
    expect(second.outcome).toMatchObject({ result: 'HIT', level: 'shared' })
    expect(second.frames.map(({ byteLength, rows }) => [byteLength, rows])).toEqual(
      first.frames.map(({ byteLength, rows }) => [byteLength, rows]),
    )
  })

  it('runs a statement once for all that ask at the same time', async () => {
    const [a, b] = pair()
    const gate = Promise.withResolvers<void>()
    a.gate = b.gate = gate.promise
    const reads = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? a : b).read())
    await followed()
    gate.resolve()
    for (const { run, outcome } of await Promise.all(reads)) {
      expect(run).toBe(1)
      expect(outcome?.result).toBe('MISS')
    }
    expect(a.runs + b.runs).toBe(1)
  })

  it('serves nothing that a change or a clear has made old', async () => {
    const [a, b] = pair()
    await a.read()
    await stored(1)
    await a.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    expect((await b.read()).outcome).toMatchObject({ result: 'MISS' })
    await stored(2)
    expect((await b.read()).outcome).toMatchObject({ result: 'HIT' })
    await b.changes.clear()
    expect((await a.read()).outcome).toMatchObject({ result: 'MISS' })
    expect([a.runs, b.runs]).toEqual([2, 1])
  })

  it('serves stale rows to others than the one who changed them, and runs the statement again', async () => {
    const [a, b] = pair({ rules: { staleWhileRevalidateMs: 60_000, isShared: true } })
    await a.read()
    await stored(1)
    await a.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const own = await b.read(undefined, { by: bob })
    expect([own.outcome?.result, b.runs]).toEqual(['MISS', 1])
    await stored(2)
    await a.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    const others = await b.read()
    expect(others.outcome).toMatchObject({ result: 'STALE' })
    await waitFor(() => b.runs === 2, 'the statement to run again')
  })

  it('never serves the rows of one principal to another', async () => {
    const [a, b] = pair()
    await a.read()
    await stored(1)
    expect((await b.read(undefined, { by: bob })).outcome).toMatchObject({ result: 'MISS' })
  })

  it('serves the rows of another statement under the same name never', async () => {
    const [a, b] = pair()
    await a.read('SELECT 1', { control: { key: 'mine' } })
    await stored(1)
    expect((await b.read('SELECT 2', { control: { key: 'mine' } })).outcome).toMatchObject({ result: 'MISS' })
  })

  it('has no rows of a source with other data in each process', async () => {
    const [a, b] = pair({ rules: { isReplicated: false } })
    await a.read()
    expect([(await b.read()).outcome?.result, levels[0]!.stats.stored]).toEqual(['MISS', 0])
  })

  it.each(['head', 'chunk'])('a damaged %s counts as a miss', async (which) => {
    const [a, b] = pair()
    a.bodyBytes = 400_000
    a.framesPerRun = 4
    await a.read()
    await stored(1)
    const names = await keysOf('test:rows:*')
    const name = names.find((each) => (which === 'head' ? each.endsWith('}') : each.endsWith(':1')))!
    await connections[0]!.call((redis) => redis.setrange(name, 60, 'damaged'))
    const read = await b.read().catch((error: unknown) => error)
    if (which === 'head') expect(read).toMatchObject({ outcome: { result: 'MISS' } })
    else expect(read).toMatchObject({ code: 'CACHE_LOST' })
    expect(levels[1]!.stats.corrupt).toBe(1)
    expect((await b.read()).outcome?.level).not.toBe('shared')
  })

  it('rows that somebody without the key has written count as damaged, also under the right names', async () => {
    const [forger, b] = pair()
    forger.bodyBytes = 400_000
    forger.framesPerRun = 4
    rowsKeys[0]!.update(['a key of somebody else'])
    await forger.read()
    await stored(1)
    const [from, to] = rowsKeys.map((sealer) => sealer.sharedKey('rows').id)
    await connections[0]!.call(async (redis) => {
      const client = redis as Redis
      for (const name of await client.keys('test:rows:*')) await client.rename(name, name.replace(from!, to!))
    })
    expect(await b.read()).toMatchObject({ outcome: { result: 'MISS' } })
    expect([b.runs, levels[1]!.stats.corrupt]).toEqual([1, 1])
  })

  it('processes with different keys have entries of their own, and a process reads with its earlier key to the end', async () => {
    const [a, b] = pair()
    await a.read()
    await stored(1)
    const gate = Promise.withResolvers<void>()
    a.gate = gate.promise
    const running = a.read('SELECT 2')
    await waitFor(() => a.runs === 2, 'the run', 5000)
    for (const sealer of rowsKeys) sealer.update(['a later key', 'one key'])
    gate.resolve()
    expect((await running).outcome).toMatchObject({ result: 'MISS', isStored: true })
    await stored(2)
    expect((await b.read()).outcome).toMatchObject({ result: 'MISS' })
    expect(levels.map(({ stats }) => stats.corrupt)).toEqual([0, 0])
  })

  it('goes on without Redis, and with it again', async () => {
    openLevels(HASTY_MS)
    const [a, b] = pair()
    server.pause(true)
    const from = performance.now()
    expect((await a.read()).outcome).toMatchObject({ result: 'MISS' })
    expect((await b.read()).outcome).toMatchObject({ result: 'MISS' })
    expect(performance.now() - from).toBeLessThan(COMMAND_MS / 2)
    expect(levels[0]!.stats.isUp).toBe(false)
    server.pause(false)
    await waitFor(async () => {
      const text = `SELECT ${Math.random()}`
      await a.read(text)
      await new Promise((resolve) => setTimeout(resolve, 200))
      return (await b.read(text)).outcome?.level === 'shared'
    }, 'the level to be up again')
  })

  it('a follower takes over when the leader fails', async () => {
    const [a, b] = pair()
    const gate = Promise.withResolvers<void>()
    a.gate = gate.promise
    const leader = a.read().catch((error: Error) => error.message)
    await waitFor(() => a.runs === 1, 'the run')
    const follower = b.read()
    await followed()
    a.failure = new Error('the engine failed')
    gate.resolve()
    expect(await leader).toBe('the engine failed')
    expect([(await follower).run, b.runs]).toEqual([1, 1])
  })

  it('a run that is followed goes on when its own reader leaves', async () => {
    const [a, b] = pair()
    const { promise: isFollowed, resolve: onFollowed } = Promise.withResolvers<void>()
    const lead = levels[0]!.lead.bind(levels[0])
    vi.spyOn(levels[0]!, 'lead').mockImplementation((run, request) => {
      const tell = () => {
        request.onFollowed()
        onFollowed()
      }
      return lead(run, { ...request, onFollowed: tell })
    })
    const gate = Promise.withResolvers<void>()
    a.gate = gate.promise
    const controller = new AbortController()
    const leader = a.read(undefined, { ctx: { signal: controller.signal } }).catch((error: Error) => error.message)
    await waitFor(() => a.runs === 1, 'the run')
    const follower = b.read()
    await isFollowed
    controller.abort(new Error('left'))
    expect(await leader).toBe('left')
    gate.resolve()
    expect([(await follower).run, a.runs, b.runs]).toEqual([1, 1, 0])
  })
})
