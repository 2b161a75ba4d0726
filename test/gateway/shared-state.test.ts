import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  Action,
  CancelFlightInfoRequest,
  CancelFlightInfoResult,
  CancelStatus,
  FlightDescriptor,
  PollInfo,
  Result,
  type SessionOptionValue,
  SetSessionOptionsRequest,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import { configSchema } from '../../src/config/schema.ts'
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts'
import { MemoryBlobs } from '../../src/state/blobs.ts'
import { MemoryBus } from '../../src/state/bus.ts'
import { CallGuard, guardedBlobs, guardedBus, guardedStore } from '../../src/state/guarded.ts'
import { MemoryStore } from '../../src/state/memory.ts'
import type { State } from '../../src/state/open.ts'
import type { StatePorts } from '../../src/state/state-ports.ts'
import { commandOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { failureOf, GatewayStub } from '../e2e/gateway-stub.ts'
import { readRows } from '../e2e/read-rows.ts'
import { FaultyStore } from '../state/faulty-store.ts'

/** The state that all gateways of this test share. */
const shared = vi.hoisted(() => ({ state: undefined as State | undefined }))
vi.mock('../../src/state/open.ts', () => ({ openState: async () => shared.state }))

const silent = pino({ level: 'silent' })
const store = new FaultyStore(new MemoryStore(1 << 20))
const guard = new CallGuard({ callTimeoutMs: 100, retryAfterMs: 100 }, silent)
const guarded = guardedStore(store, guard)
/** A replica waits for this before it claims the run of a statement. */
let beforeClaim = Promise.resolve()
const blobs = new MemoryBlobs(1 << 20)
const ports: StatePorts = {
  store: { ...guarded, setIfAbsent: (...claim) => beforeClaim.then(() => guarded.setIfAbsent(...claim)) },
  blobs: guardedBlobs(
    {
      get: (key) => blobs.get(key),
      set: async (...blob) => (store.mode === 'fails' ? Promise.reject(new Error('down')) : blobs.set(...blob)),
      close: async () => {},
    },
    guard,
  ),
  bus: guardedBus(new MemoryBus(), guard),
}
shared.state = { ...ports, of: () => ports, breakers: () => [], close: async () => {} }

const SLOW = 'SELECT sum(length(md5(md5(md5(range::VARCHAR)))))::BIGINT AS n FROM range(100000000)'
const MAX_SESSIONS = 3
const key = { 'x-api-key': 'k' }

/** A gateway in this process, and a client of it. */
class Replica {
  readonly #gateway: Gateway
  readonly stub: FlightStub
  readonly control: GatewayStub

  private constructor(gateway: Gateway) {
    this.#gateway = gateway
    this.stub = new FlightStub(gateway.addresses.flight)
    this.control = new GatewayStub(gateway.addresses.flight)
  }

  static async start(): Promise<Replica> {
    const init = ['CREATE TABLE t AS SELECT 1 AS i']
    const config = configSchema.parse({
      listen: { flight: '127.0.0.1:0', http: '127.0.0.1:0' },
      auth: {
        apiKeys: [{ name: 'me', key: 'k', roles: ['writer'] }],
        sealKeys: ['a secret of at least thirty-two characters'],
      },
      sources: { demo: { kind: 'duckdb', writes: true, init } },
      limits: { maxSessionsPerPrincipal: MAX_SESSIONS },
      health: { intervalMs: 0 },
    })
    return new Replica(await startGateway({ ...config, defaultSource: 'demo', warnings: [] }, silent))
  }

  /** Runs a statement as a client does; returns its rows, or the error's code. */
  async read(sql: string): Promise<unknown> {
    const info = await this.stub.info(sql, key)
    const { messages, trailers } = await this.stub.call('DoGet', [ticketOf(info)], key)
    return trailers?.get('x-flightgate-error')[0] ?? readRows(messages)
  }

  /** Number of statements that run or are being read. */
  async inFlight(): Promise<number> {
    const text = await (await fetch(`http://${this.#gateway.addresses.http}/metrics`)).text()
    return Number(/^flightgate_statements_in_flight\S* (\d+)/m.exec(text)?.[1] ?? 0)
  }

  /** PollFlightInfo; returns the answer, or the error's code. */
  async poll(descriptor: Uint8Array): Promise<PollInfo | string> {
    const { messages, trailers } = await this.stub.call('PollFlightInfo', [descriptor], key)
    return trailers?.get('x-flightgate-error')[0]?.toString() ?? PollInfo.decode(messages[0]!)
  }

  /** Begins a session; returns the error's code, if any. */
  async beginSession(): Promise<string | undefined> {
    const schema: SessionOptionValue = { optionValue: { $case: 'stringValue', value: 'main' } }
    const body = SetSessionOptionsRequest.encode({ sessionOptions: { schema } }).finish()
    // Each call counts as a separate client, as behind a proxy.
    const headers = { ...key, 'x-forwarded-for': '192.0.2.1' }
    const end = await this.stub.call('DoAction', [Action.encode({ type: 'SetSessionOptions', body }).finish()], headers)
    return end.trailers?.get('x-flightgate-error')[0]?.toString()
  }

  async stop(): Promise<void> {
    this.stub.close()
    this.control.close()
    await this.#gateway.stop()
  }
}

const again = ({ flightDescriptor }: PollInfo) => FlightDescriptor.encode(flightDescriptor!).finish()
const until = async (replica: Replica, first: PollInfo | string): Promise<PollInfo | string> => {
  let last = first
  while (typeof last !== 'string' && last.flightDescriptor) last = await replica.poll(again(last))
  return last
}

describe('replicas that share their state', () => {
  let one: Replica
  let other: Replica
  beforeAll(async () => {
    ;[one, other] = await Promise.all([Replica.start(), Replica.start()])
  })
  afterAll(async () => {
    await Promise.all([one.stop(), other.stop()])
  })
  beforeEach(() => {
    store.mode = 'works'
    beforeClaim = Promise.resolve()
  })

  it('a cancel at one replica stops the statement at another', async () => {
    const info = await one.stub.info(SLOW, key)
    const reading = one.stub.call('DoGet', [ticketOf(info)], key)
    const body = CancelFlightInfoRequest.encode({ info }).finish()
    await expect.poll(() => one.inFlight()).toBe(1)
    const { messages } = await other.stub.call(
      'DoAction',
      [Action.encode({ type: 'CancelFlightInfo', body }).finish()],
      key,
    )
    const { status } = CancelFlightInfoResult.decode(Result.decode(messages[0]!).body)
    expect(status).toBe(CancelStatus.CANCEL_STATUS_CANCELLED)
    expect((await reading).trailers?.get('x-flightgate-error')).toEqual(['CANCELLED'])
    for (const replica of [one, other])
      expect((await replica.stub.call('DoGet', [ticketOf(info)], key)).trailers?.get('x-flightgate-error')).toEqual([
        'CANCELLED',
      ])
  })

  it('a cancel by the id of a statement reaches the replica that runs it', async () => {
    const reading = one.stub.call('DoGet', [ticketOf(await one.stub.info(SLOW, key))], key)
    const list = async (replica: Replica) =>
      (await replica.control.unary('listQueries', { dataSource: '', principal: '' }, key)).queries
    await expect.poll(() => list(one)).toHaveLength(1)
    const { id } = (await list(one))[0]!
    expect(await list(other)).toMatchObject([{ id }])
    await other.control.unary('cancelQuery', { id }, key)
    expect((await reading).trailers?.get('x-flightgate-error')).toEqual(['CANCELLED'])
    await expect.poll(() => list(one)).toEqual([])
    const ended = failureOf(other.control.unary('cancelQuery', { id }, key))
    expect(await ended).toMatchObject({ error: 'UNKNOWN_QUERY' })
  })

  it('a principal has used what it used at all replicas', async () => {
    const usage = async (replica: Replica) =>
      (await replica.control.unary('getUsage', { principal: '' }, key)).sources[0]?.rows ?? 0n
    const before = await usage(one)
    for (const replica of [one, other]) await replica.read('SELECT range AS n FROM range(5)')
    // The end of a statement is counted after its client has the last row; a replica writes its counts within a second.
    for (const replica of [one, other]) await expect.poll(() => usage(replica)).toBe(before + 10n)
  })

  it('both replicas plan the same polled change: it runs once, both give its result', async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>()
    beforeClaim = promise
    const insert = commandOf('INSERT INTO t VALUES (2) RETURNING i')
    const first = await one.poll(insert)
    if (typeof first === 'string') throw new Error(first)
    expect(first.flightDescriptor).toBeDefined()
    beforeClaim = Promise.resolve()
    const last = await until(other, await other.poll(again(first)))
    if (typeof last === 'string') throw new Error(last)
    release()
    let seen: PollInfo | string = ''
    await expect
      .poll(async () => {
        seen = await until(one, await one.poll(again(first)))
        return typeof seen
      })
      .toBe('object')
    for (const info of [last, seen]) {
      if (typeof info === 'string') throw new Error(info)
      const { messages } = await one.stub.call('DoGet', [ticketOf(info.info!)], key)
      expect(readRows(messages)).toEqual([{ i: 2 }])
    }
    const counts = await Promise.all([one, other].map((replica) => replica.read('SELECT count(*)::INT AS n FROM t')))
    expect(counts).toEqual([[{ n: 1 }], [{ n: 2 }]])
  })

  it('concurrent session starts at several replicas: the limit per principal holds, others get TOO_MANY_SESSIONS', async () => {
    store.mode = 'slow'
    const begun = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).beginSession()))
    expect(begun.filter((code) => code === undefined)).toHaveLength(MAX_SESSIONS)
    expect(new Set(begun)).toEqual(new Set([undefined, 'TOO_MANY_SESSIONS']))
  })

  it('store fails after a change: its ticket has a small result; else the client gets EXPIRED_TICKET, which it must not retry', async () => {
    const count = async (i: number) => await one.read(`SELECT count(*)::INT AS n FROM t WHERE i = ${i}`)
    store.mode = 'fails'
    expect(await one.read('INSERT INTO t VALUES (4) RETURNING i')).toEqual([{ i: 4 }])
    expect(await count(4)).toEqual([{ n: 1 }])
    expect(await one.read('INSERT INTO t SELECT 6 FROM range(2000) RETURNING i')).toBe('EXPIRED_TICKET')
    expect(await count(6)).toEqual([{ n: 2000 }])
  })

  it.each(['fails', 'hangs'] as const)(
    'store %s: plain queries work, calls that need it get STATE_UNAVAILABLE',
    async (mode) => {
      store.mode = mode
      expect(await one.read('SELECT 42 AS answer')).toEqual([{ answer: 42 }])
      expect(await one.beginSession()).toBe('STATE_UNAVAILABLE')
      const before = await one.read('SELECT count(*)::INT AS n FROM t')
      expect(await until(one, await one.poll(commandOf('INSERT INTO t VALUES (3)')))).toBe('STATE_UNAVAILABLE')
      expect(await one.read('SELECT count(*)::INT AS n FROM t')).toEqual(before)
      store.mode = 'works'
      await expect.poll(() => one.read('SELECT 42 AS answer')).toEqual([{ answer: 42 }])
    },
  )
})
