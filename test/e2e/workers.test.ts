import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  Action,
  type FlightInfo,
  GetSessionOptionsResult,
  Result,
  type SessionOptionValue,
  SetSessionOptionsRequest,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { CancelQueryRequest, ListQueriesRequest, ListQueriesResponse } from '../../gen/flightgate/v1/gateway_service.ts'
import { waitFor } from '../wait-for.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'
import { PricedShop, spentOf, times } from './priced-shop.ts'
import { hasPython, runPython } from './python.ts'
import { readRows } from './read-rows.ts'

const RATE = 20
const NOT_FOUND = 5
const me = { 'x-api-key': 'key of me' }
/** Principals with a quota. Their minutes begin at different times. */
const limited = ['limited-1', 'limited-2', 'limited-3']
const SLOW = 'SELECT sum(length(md5(md5(md5(range::VARCHAR)))))::BIGINT AS n FROM range(1000000000)'

/** A client with a connection of its own. */
const newStub = (gateway: GatewayProcess) => new FlightStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })

/** Workers that ran the statements whose request ids begin so, in the order of the ids: lines of processes come in any order. */
async function workersOf(gateway: GatewayProcess, prefix: string, count: number): Promise<unknown[]> {
  const lines = () =>
    gateway.lines.filter(
      ({ event, requestId, step }) => event === 'statement' && step === 'run' && String(requestId).startsWith(prefix),
    )
  await expect.poll(() => lines().length).toBe(count)
  const byId = new Map(lines().map(({ requestId, worker }) => [String(requestId), worker]))
  return [...byId.keys()].sort().map((id) => byId.get(id))
}

/** The metrics, once each worker has told its own ones: without those of a worker that takes too long, they are its last counts. */
async function metricsOfAll(gateway: GatewayProcess): ReturnType<GatewayProcess['metrics']> {
  return await waitFor(async () => {
    const seen = await gateway.metrics()
    const hasAnswered = (worker: string) => seen('process_resident_memory_bytes', { worker }) > 0
    return hasAnswered('1') && hasAnswered('2') ? seen : undefined
  }, 'the metrics of both workers')
}

describe('two workers', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      workers: 2,
      cache: { maxBytes: 0 },
      auth: {
        apiKeys: [
          { name: 'me', key: 'key of me', roles: ['admin'] },
          ...limited.map((name) => ({ name, key: `key of ${name}`, quotas: { requestsPerMinute: RATE } })),
        ],
      },
    })
  })
  afterAll(() => gateway?.stop())

  it('connections spread evenly; tickets and tokens of one worker are valid at the others', async () => {
    const stubs = Array.from({ length: 8 }, () => newStub(gateway))
    const infos: FlightInfo[] = []
    // One connection after another: of several at the same time, a worker that is busy gets fewer.
    for (const stub of stubs) infos.push(await stub.info('SELECT 42 AS answer', me))
    // Each ticket goes to another connection than the one that it came from.
    const ends = await Promise.all(
      stubs.map((stub, i) =>
        stub.call('DoGet', [ticketOf(infos[(i + 1) % 8]!)], { ...me, 'x-request-id': `spread-${i}` }),
      ),
    )
    for (const { messages } of ends) expect(readRows(messages)).toEqual([{ answer: 42 }])
    expect((await workersOf(gateway, 'spread-', 8)).sort()).toEqual([1, 1, 1, 1, 2, 2, 2, 2])
    for (const stub of stubs) stub.close()
  })

  it('a session of one worker holds at the other', async () => {
    const value: SessionOptionValue = { optionValue: { $case: 'stringValue', value: 'main' } }
    const act = (type: string, body: Uint8Array) => [Action.encode({ type, body }).finish()]
    const stubs = Array.from({ length: 4 }, () => newStub(gateway))
    const body = SetSessionOptionsRequest.encode({ sessionOptions: { schema: value } }).finish()
    const set = await stubs[0]!.call('DoAction', act('SetSessionOptions', body), me)
    const cookie = String(set.headers!.get('set-cookie')[0]).split(';')[0]!
    for (const stub of stubs) {
      const got = await stub.call('DoAction', act('GetSessionOptions', Buffer.alloc(0)), { ...me, cookie })
      const { sessionOptions } = GetSessionOptionsResult.decode(Result.decode(got.messages[0]!).body)
      expect(sessionOptions['schema']).toEqual(value)
    }
    for (const stub of stubs) stub.close()
  })

  it.skipIf(!hasPython())('parameters of a pyarrow client bound at one worker run at the other', async () => {
    const seen = await runPython('workers.py', gateway.uri, me['x-api-key'])
    expect(seen).toEqual({ small: [[5, 7]], large: [[100_000, 7]], connections: 8 })
  })

  it('a quota counts the requests of all workers: exactly that many pass', async () => {
    const stubs = Array.from({ length: 8 }, () => newStub(gateway))
    const callBy = (name: string, stub: FlightStub) =>
      stub.call('ListActions', [Buffer.alloc(0)], { 'x-api-key': `key of ${name}` })
    // The counts begin anew when the minute of the principal ends: the one counts whose minute has the most left, over 30 s.
    const left = await Promise.all(
      limited.map(async (name) => ({
        name,
        seconds: Number((await callBy(name, stubs[0]!)).headers!.get('x-ratelimit-reset')[0]),
      })),
    )
    const { name, seconds } = left.reduce((most, each) => (each.seconds > most.seconds ? each : most))
    expect(seconds).toBeGreaterThan(30)
    const calls = Array.from({ length: 3 * RATE }, (_, i) => callBy(name, stubs[i % 8]!))
    const codes = (await Promise.all(calls)).map(({ code }) => code)
    expect(codes.filter((code) => code === 0)).toHaveLength(RATE - 1)
    for (const stub of stubs) stub.close()
  })

  it('a cancel at any worker ends the statement at the worker that runs it', async () => {
    const stubs = Array.from({ length: 2 }, () => newStub(gateway))
    const readings = stubs.map(async (stub) => stub.call('DoGet', [ticketOf(await stub.info(SLOW, me))], me))
    const service = '/flightgate.v1.GatewayService'
    const listed = async (stub: FlightStub) => {
      const request = ListQueriesRequest.encode({ dataSource: '', principal: '' }).finish()
      const { messages } = await stub.call(`${service}/ListQueries`, [request], me)
      return ListQueriesResponse.decode(messages[0]!).queries.map(({ id }) => id)
    }
    const ids = new Set<string>()
    await expect
      .poll(async () => {
        for (const stub of stubs) for (const id of await listed(stub)) ids.add(id)
        return ids.size
      })
      .toBe(2)
    // Whichever worker has a statement, each connection cancels at least one of another worker.
    for (const id of ids) {
      const { code } = await stubs[0]!.call(`${service}/CancelQuery`, [CancelQueryRequest.encode({ id }).finish()], me)
      // A worker that takes longer than a second to answer gets the cancellation nevertheless.
      expect([0, NOT_FOUND]).toContain(code)
    }
    for (const { trailers } of await Promise.all(readings))
      expect(trailers!.get('x-flightgate-error')).toEqual(['CANCELLED'])
    for (const stub of stubs) stub.close()
  })

  it('/metrics is the sum of all workers, with a series of each process for its runtime', async () => {
    const stubs = Array.from({ length: 6 }, () => newStub(gateway))
    const before = (await metricsOfAll(gateway))('flightgate_rows_total')
    for (const stub of stubs) await stub.call('DoGet', [ticketOf(await stub.info('FROM range(10)', me))], me)
    for (let i = 0; i < 4; i++) {
      const seen = await metricsOfAll(gateway)
      expect(seen('flightgate_rows_total') - before).toBe(60)
      expect(seen('flightgate_connections')).toBeGreaterThanOrEqual(6)
      expect(seen('flightgate_workers', { state: 'ready' })).toBe(2)
      for (const worker of ['1', '2', 'primary'])
        expect(seen('process_resident_memory_bytes', { worker })).toBeGreaterThan(1 << 20)
    }
    for (const stub of stubs) stub.close()
  })

  it('a killed worker is replaced; clients of the other notice nothing, and no count decreases', async () => {
    const stubs = Array.from({ length: 4 }, () => newStub(gateway))
    const read = async (stub: FlightStub, id: string) =>
      await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1 AS a', me))], { ...me, 'x-request-id': id })
    const statements = async () => (await metricsOfAll(gateway))('flightgate_statements_total')
    const before = await statements()
    for (const [i, stub] of stubs.entries()) await read(stub, `kill-${i}`)
    const workers = await workersOf(gateway, 'kill-', 4)
    const untouched = stubs.filter((_, i) => workers[i] === 2)
    expect(untouched).toHaveLength(2)
    expect(await statements()).toBe(before + 4)
    const { pids } = (await gateway.line(({ event }) => event === 'ready')) as { pids: Record<string, number> }
    process.kill(pids['1']!, 'SIGKILL')
    for (let i = 0; i < 10; i++) for (const stub of untouched) expect((await read(stub, 'after')).code).toBe(0)
    await gateway.line(({ event, msg }) => event === 'worker' && String(msg).includes('worker 1 ended by SIGKILL'))
    await gateway.line(({ event, msg }) => event === 'worker' && msg === 'worker 1 serves again')
    expect(await statements()).toBe(before + 24)
    expect(await gateway.metric('flightgate_worker_restarts_total', { reason: 'signal' })).toBe(1)
    const more = Array.from({ length: 4 }, () => newStub(gateway))
    for (const [i, stub] of more.entries()) expect((await read(stub, `new-${i}`)).code).toBe(0)
    expect(new Set(await workersOf(gateway, 'new-', 4))).toEqual(new Set([1, 2]))
    for (const stub of [...stubs, ...more]) stub.close()
  })

  it('HTTP connections spread too, and each worker answers /readyz', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        postJson(gateway, '/api/v1/query', { query: 'SELECT 1 AS a' }, { ...me, 'x-request-id': `http-${i}` }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(new Set(await workersOf(gateway, 'http-', 10))).toEqual(new Set([1, 2]))
    const probes = await Promise.all(Array.from({ length: 4 }, () => fetch(`http://${gateway.http}/readyz?verbose`)))
    expect(probes.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  it('the console kills statements of both workers over one connection', async () => {
    const ask = async (method: string, path: string, agent: Agent | false, body?: object) => {
      const headers = { ...me, 'x-flightgate-console': '1', ...(body && { 'content-type': 'application/json' }) }
      const asked = request(`http://${gateway.http}/api/v1/${path}`, { method, agent, headers })
      asked.end(body && JSON.stringify(body))
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      const content = await text(answer)
      return { status: answer.statusCode, body: content === '' ? undefined : JSON.parse(content) }
    }
    // Each has a connection of its own.
    const answers = ['a', 'b', 'c', 'd'].map((name) =>
      ask('POST', 'query', false, { query: SLOW.replace('AS n', `AS ${name}`) }),
    )
    const console = new Agent({ keepAlive: true, maxSockets: 1 })
    const listed = async () => (await ask('GET', 'queries', console)).body.queries as { readonly id: string }[]
    const queries = await waitFor(async () => {
      const all = await listed()
      return all.length === 4 ? all : undefined
    }, 'the statements of both workers')
    const ids = queries.map(({ id }) => id)
    // As above, a worker may take longer to answer.
    for (const id of ids) expect([204, 404]).toContain((await ask('DELETE', `queries/${id}`, console)).status)
    console.destroy()
    for (const { body } of await Promise.all(answers)) expect(body).toMatchObject({ code: 'CANCELLED' })
    // Log lines of workers may come after the answers.
    const runners = () =>
      gateway.lines.filter(
        ({ event, step, queryId }) => event === 'statement' && step === 'run' && ids.includes(String(queryId)),
      )
    await expect.poll(() => runners().length).toBe(4)
    expect(new Set(runners().map(({ worker }) => worker)).size).toBe(2)
  })
})

describe('budgets of two workers, without state.directory and redis', () => {
  it('50 statements at once against a budget for 10: exactly 10 run', async () => {
    const shop = await PricedShop.start(100)
    const gateway = await GatewayProcess.start(shop.configOf({ workers: 2 }))
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.query(gateway)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    await expect.poll(() => spentOf(gateway)).toEqual(times(10))
    expect(await gateway.stop()).toBe(0)
    await shop.fake.close()
  })
})
