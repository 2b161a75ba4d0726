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
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'
import { PricedShop, spentOf, times } from './priced-shop.ts'
import { hasPython, runPython } from './python.ts'
import { readRows } from './read-rows.ts'

const RATE = 20
const me = { 'x-api-key': 'key of me' }
const limited = { 'x-api-key': 'key of limited' }
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

describe('two workers', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      workers: 2,
      cache: { maxBytes: 0 },
      auth: {
        apiKeys: [
          { name: 'me', key: 'key of me', roles: ['admin'] },
          { name: 'limited', key: 'key of limited', quotas: { requestsPerMinute: RATE } },
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
    const codes: number[] = []
    // A window may end among the calls: then the counts begin anew, and the test too.
    for (let attempt = 0; attempt < 3; attempt++) {
      const startedAt = new Date().getUTCMinutes()
      const calls = Array.from({ length: 3 * RATE }, (_, i) =>
        stubs[i % 8]!.call('ListActions', [Buffer.alloc(0)], limited),
      )
      codes.splice(0, codes.length, ...(await Promise.all(calls)).map(({ code }) => code))
      if (startedAt === new Date().getUTCMinutes()) break
    }
    expect(codes.filter((code) => code === 0)).toHaveLength(RATE)
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
    const cancel = async (stub: FlightStub, id: string) =>
      (await stub.call(`${service}/CancelQuery`, [CancelQueryRequest.encode({ id }).finish()], me)).code
    const [first, second] = [...ids]
    expect([await cancel(stubs[0]!, first!), await cancel(stubs[0]!, second!)]).toEqual([0, 0])
    for (const { trailers } of await Promise.all(readings))
      expect(trailers!.get('x-flightgate-error')).toEqual(['CANCELLED'])
    for (const stub of stubs) stub.close()
  })

  it('/metrics is the sum of all workers, with a series of each process for its runtime', async () => {
    const stubs = Array.from({ length: 6 }, () => newStub(gateway))
    const before = await gateway.metric('flightgate_rows_total')
    for (const stub of stubs) await stub.call('DoGet', [ticketOf(await stub.info('FROM range(10)', me))], me)
    for (let i = 0; i < 4; i++) {
      const seen = await gateway.metrics()
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
    const before = await gateway.metric('flightgate_statements_total')
    for (const [i, stub] of stubs.entries()) await read(stub, `kill-${i}`)
    const workers = await workersOf(gateway, 'kill-', 4)
    const untouched = stubs.filter((_, i) => workers[i] === 2)
    expect(untouched).toHaveLength(2)
    expect(await gateway.metric('flightgate_statements_total')).toBe(before + 4)
    const { pids } = (await gateway.line(({ event }) => event === 'ready')) as { pids: Record<string, number> }
    process.kill(pids['1']!, 'SIGKILL')
    for (let i = 0; i < 10; i++) for (const stub of untouched) expect((await read(stub, 'after')).code).toBe(0)
    await gateway.line(({ event, msg }) => event === 'worker' && String(msg).includes('worker 1 ended by SIGKILL'))
    await gateway.line(({ event, msg }) => event === 'worker' && msg === 'worker 1 serves again')
    expect(await gateway.metric('flightgate_statements_total')).toBe(before + 24)
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
    await expect.poll(async () => (await listed()).length).toBe(4)
    const ids = (await listed()).map(({ id }) => id)
    for (const id of ids) expect((await ask('DELETE', `queries/${id}`, console)).status).toBe(204)
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
