import { type ClientHttp2Session, connect } from 'node:http2'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { batchMessage, flightData, schema } from '../fakes/flight-messages.ts'
import { RedisServer } from '../fakes/redis/redis-server.ts'
import type { AskedResult } from '../fakes/upstream-behaviours.ts'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { jsonOf, postJson } from './http-client.ts'
import { endOf, openDoGet } from './raw-do-get.ts'

/** Time limits of Redis that a busy machine does not reach. */
const patient = { redis: { commandTimeoutMs: 10_000 }, shared: { commandTimeoutMs: 10_000 } }
/** Those of replicas that notice within a test that Redis has stopped. */
const impatient = { redis: { commandTimeoutMs: 2000 }, shared: { commandTimeoutMs: 2000 } }

/** Two replicas with a common Redis, before one upstream that counts executions. */
describe('the cache of two replicas', () => {
  let redis: RedisServer
  let upstream: FakeUpstream
  let replicas: GatewayProcess[] = []
  let stubs: FlightStub[] = []
  let sessions: ClientHttp2Session[] = []
  let behave: (asked: AskedResult) => Promise<void>
  let number = 0
  let query = ''

  const startReplica = async (limits = patient) => {
    const gateway = await GatewayProcess.start({
      sources: { up: { kind: 'flightsql', uri: upstream.uri } },
      auth: { sealKeys: ['a secret of at least thirty-two characters'] },
      redis: { url: redis.url, ...limits.redis },
      cache: { shared: limits.shared },
    })
    return gateway
  }
  beforeAll(async () => {
    redis = await RedisServer.start()
    upstream = await FakeUpstream.start({ login: false, behaviours: { shared: (asked) => behave(asked) } })
    replicas = await Promise.all([startReplica(), startReplica()])
  })
  afterAll(async () => {
    for (const replica of replicas) {
      expect(await replica.stop()).toBe(0)
      expect(replica.noise).toEqual([])
    }
    await upstream.stop()
    await redis.close()
  })
  beforeEach(() => {
    query = `SELECT shared FROM t${++number}`
    upstream.counts.executions = 0
    stubs = replicas.map(({ flight }) => new FlightStub(flight))
    sessions = replicas.map(({ flight }) => connect(`http://${flight}`).on('error', () => {}))
  })
  afterEach(() => {
    for (const stub of stubs) stub.close()
    for (const session of sessions) session.destroy()
  })

  const ticket = async (replica: number) => ticketOf(await stubs[replica]!.info(query))
  const read = async (replica: number) => {
    const { code, messages } = await stubs[replica]!.call('DoGet', [await ticket(replica)], {}, 30_000)
    return { code, messages: messages.length, bytes: Buffer.concat(messages) }
  }
  /** Opens DoGet without reading it to its end. */
  const open = async (replica: number) => {
    const stream = openDoGet(sessions[replica]!, await ticket(replica))
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
    })
    return { end: endOf(stream), cancel: () => stream.close(8), received: () => bytes }
  }
  const send = async ({ call }: AskedResult, batches: number) => {
    call.start()
    await call.writeMessage(flightData(schema))
    for (let i = 0; i < batches && !call.isOver; i++) await call.writeMessage(batchMessage)
  }
  const stored = async (replica: number, work: () => Promise<unknown>) => {
    const count = () => replicas[replica]!.metric('flightgate_cache_shared_stored_total')
    const before = await count()
    const answer = await work()
    await waitFor(async () => (await count()) > before || undefined, 'the rows to be stored')
    return answer
  }

  /** How often replicas have asked Redis whether others follow their runs; nothing else in them sends EXISTS. */
  const askedWhoFollows = async () =>
    Number(/^cmdstat_exists:calls=(\d+)/m.exec(await redis.send('INFO commandstats'))?.[1] ?? 0)

  it('the rows of one replica are those of the other one', async () => {
    behave = async (asked) => {
      await send(asked, 400)
      asked.call.finish(0)
    }
    const first = (await stored(0, () => read(0))) as Awaited<ReturnType<typeof read>>
    const second = await read(1)
    expect([second.code, second.messages, second.bytes.equals(first.bytes)]).toEqual([0, 401, true])
    expect(await replicas[1]!.metric('flightgate_cache_shared_reads_total', { outcome: 'hit' })).toBe(1)
    expect(upstream.counts.executions).toBe(1)
  })

  it('200 at once are one execution', async () => {
    behave = async (asked) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await send(asked, 5)
      asked.call.finish(0)
    }
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => read(i % 2)))
    expect(new Set(answers.map(({ code, messages }) => `${code} ${messages}`))).toEqual(new Set(['0 6']))
    expect(upstream.counts.executions).toBe(1)
  })

  it('rows reach the other replica before the run has ended, also when its client has left', async () => {
    const end = Promise.withResolvers<void>()
    behave = async (asked) => {
      await send(asked, 100)
      await end.promise
      for (let i = 0; i < 100; i++) await asked.call.writeMessage(batchMessage)
      asked.call.finish(0)
    }
    const leader = await open(0)
    await waitFor(() => leader.received() > 0 || undefined, 'rows of the leader')
    const follower = await open(1)
    await waitFor(() => follower.received() > 50 * batchMessage.byteLength || undefined, 'rows of the follower')
    // The replica of the leader asks Redis from time to time whether another one follows. It has the answer to a question when it
    // has asked two further ones.
    const before = await askedWhoFollows()
    await waitFor(async () => (await askedWhoFollows()) > before + 2, 'the questions of the leader')
    leader.cancel()
    await leader.end
    end.resolve()
    const { status, body } = await follower.end
    expect([status, body.byteLength > 200 * batchMessage.byteLength, upstream.counts.executions]).toEqual([0, true, 1])
  })

  it('a replica is killed: who has rows may repeat, who has none gets them', async () => {
    const end = Promise.withResolvers<void>()
    let runs = 0
    behave = async (asked) => {
      if (++runs > 1) await send(asked, 7)
      else {
        await send(asked, 100)
        await end.promise
      }
      asked.call.finish(0)
    }
    const leader = await open(0)
    await waitFor(() => leader.received() > 0 || undefined, 'rows of the leader')
    const follower = await open(1)
    await waitFor(() => follower.received() > 0 || undefined, 'rows of the follower')
    replicas[0]!.signal('SIGKILL')
    await replicas[0]!.exited
    const { status, error } = await follower.end
    expect([status, error]).toEqual([14, 'CACHE_LOST'])
    expect(await read(1)).toMatchObject({ code: 0, messages: 8 })
    end.resolve()
    replicas[0] = await startReplica()
  })

  describe('that wait for Redis shortly', () => {
    beforeAll(async () => {
      for (const replica of replicas) expect(await replica.stop()).toBe(0)
      replicas = await Promise.all([startReplica(impatient), startReplica(impatient)])
    })

    it('Redis stops in the middle: who runs the statement goes on, who follows may repeat it', async () => {
      const end = Promise.withResolvers<void>()
      behave = async (asked) => {
        await send(asked, 100)
        await end.promise
        asked.call.finish(0)
      }
      const leader = await open(0)
      await waitFor(() => leader.received() > 0 || undefined, 'rows of the leader')
      const follower = await open(1)
      await waitFor(() => follower.received() > 0 || undefined, 'rows of the follower')
      redis.pause(true)
      const { status, error } = await follower.end
      expect([status, error]).toEqual([14, 'CACHE_LOST'])
      end.resolve()
      expect((await leader.end).status).toBe(0)
      query += ' WHERE other'
      expect((await read(1)).code).toBe(0)
      redis.pause(false)
      await waitFor(async () => {
        query += ' AND more'
        await Promise.all([read(0), read(1)])
        const up = await Promise.all(replicas.map((replica) => replica.metric('flightgate_cache_shared_up')))
        return up.every((each) => each === 1) || undefined
      }, 'the level to be up')
    })
  })
})

describe('a change through one replica', () => {
  let redis: RedisServer
  let behind: GatewayProcess
  let replicas: GatewayProcess[] = []
  const keys = ['ann', 'bob'].map((name) => ({ name, key: `key of ${name}, long enough`, roles: ['writer'] }))
  const headers = (name: string) => ({ authorization: `Bearer key of ${name}, long enough` })

  beforeAll(async () => {
    ;[redis, behind] = await Promise.all([
      RedisServer.start(),
      GatewayProcess.start({
        auth: { apiKeys: [{ name: 'replicas', key: 'key of the replicas', roles: ['writer'] }] },
        sources: { demo: { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT 1 AS n'] } },
        cache: { maxBytes: 0 },
      }),
    ])
    const source = (staleWhileRevalidateMs: number) => ({
      kind: 'flightsql',
      uri: behind.uri,
      token: 'key of the replicas',
      writes: true,
      cache: { scope: 'shared', staleWhileRevalidateMs },
    })
    const config = {
      auth: { apiKeys: keys, sealKeys: ['a secret of at least thirty-two characters'] },
      sources: { strict: source(0), loose: source(60_000) },
      defaultSource: 'strict',
      redis: { url: redis.url, ...patient.redis },
      cache: { shared: patient.shared },
    }
    replicas = await Promise.all([GatewayProcess.start(config), GatewayProcess.start(config)])
  })
  afterAll(async () => {
    for (const gateway of [...replicas, behind]) expect(await gateway.stop()).toBe(0)
    await redis.close()
  })

  const ask = async (replica: number, name: string, body: object) => {
    const answer = await postJson(replicas[replica]!, '/api/v1/query', body, headers(name))
    const status = answer.headers.get('results-cache-status')
    const json = await jsonOf(Promise.resolve(answer))
    return { status, n: json.rows?.[0]?.n, json }
  }
  const text = 'SELECT max(n) AS n FROM t'

  it.each(['strict', 'loose'])('is seen by the writer on the other one at once (%s)', async (source) => {
    const query = { query: text, data_source: source }
    const { n } = await ask(0, 'ann', query)
    for (let i = 1; i <= 3; i++) {
      await ask(0, 'bob', query)
      const change = await ask(0, 'ann', { query: `INSERT INTO t VALUES (${n + i})`, data_source: source })
      expect(change.json.affected_rows).toBe(1)
      const other = await ask(1, 'bob', query)
      // Others may read older rows within the window, and none without one.
      if (source === 'strict') expect(other.n).toBe(n + i)
      expect((await ask(1, 'ann', query)).n).toBe(n + i)
    }
  })
})
