import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  Action,
  Result as ActionResult,
  FlightInfo,
  GetSessionOptionsResult,
  PollInfo,
  type SessionOptionValue,
  SetSessionOptionsRequest,
  SetSessionOptionsResult,
} from '../../gen/arrow/flight/protocol/Flight.ts'
import {
  ActionCreatePreparedStatementRequest,
  ActionCreatePreparedStatementResult,
  CommandPreparedStatementQuery,
} from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { CacheResult } from '../../gen/flightgate/v1/gateway_service.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { type Gateway, startGateway } from '../../src/gateway/gateway.ts'
import type { CacheOutcome } from '../../src/query/cache/cache-outcome.ts'
import type { Context, PlannedStatement, Result } from '../../src/query/types.ts'
import type { SourceKind } from '../../src/sources/kind.ts'
import { sourceKinds } from '../../src/sources/kinds.ts'
import { type CallEnd, commandOf, descriptorOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayStub, sql } from '../e2e/gateway-stub.ts'
import { dummyKind } from './dummy-source/kind.ts'
import type { DummySettings } from './dummy-source/settings.ts'
import { configOf } from './kinds-with-dummy.ts'
import { PricedSource } from './priced-source.ts'

type Headers = Readonly<Record<string, string>>
const none = new Uint8Array(0)
const empty = { noCache: false, noStore: false, onlyIfCached: false, ttlMs: 0n, key: '', tags: [] }

/** A source that tells of a cache. */
class CachedSource extends PricedSource {
  outcome: CacheOutcome | undefined

  override async run(plan: PlannedStatement, ctx?: Context): Promise<Result> {
    const result = await super.run(plan, ctx)
    if (ctx?.trace && this.outcome) ctx.trace.cache = this.outcome
    return result
  }
}
const kind: SourceKind<DummySettings> & { opened?: CachedSource } = {
  ...dummyKind,
  async open(name, settings, { metrics }) {
    kind.opened = new CachedSource(name, settings, metrics)
    return kind.opened
  },
}

/** What clients ask of the result cache, and what they are told of it, on all faces. The cache is off, and the source plays it. */
describe('the cache, for clients', () => {
  let gateway: Gateway
  let source: CachedSource
  let stub: FlightStub
  let service: GatewayStub

  beforeAll(async () => {
    const config = configOf({ sources: { engine: { kind: 'dummy' } }, cache: { maxBytes: 0 } })
    gateway = await startGateway(config, pino({ level: 'silent' }), { ...sourceKinds, dummy: kind })
    source = kind.opened!
    stub = new FlightStub(gateway.addresses.flight)
    service = new GatewayStub(gateway.addresses.flight)
  })
  afterAll(async () => {
    stub.close()
    service.close()
    await gateway.stop()
  })
  beforeEach(() => {
    source.planned.length = 0
    source.ran.length = 0
    source.outcome = undefined
  })

  const controls = () => source.ran.map(({ session }) => session.cacheControl)
  const infoFor = async (text: string, headers: Headers = {}) => {
    const end = await stub.call('GetFlightInfo', [commandOf(text)], headers)
    expect(end.details).toBe('')
    return ticketOf(FlightInfo.decode(end.messages[0]!))
  }
  const post = (path: string, body: object, headers: Headers = {}) =>
    fetch(`http://${gateway.addresses.http}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const act = async (type: string, body: Uint8Array, headers: Headers = {}) => {
    const end = await stub.call('DoAction', [Action.encode({ type, body }).finish()], headers)
    return { end, body: ActionResult.decode(end.messages[0]!).body }
  }

  const asked = {
    'cache-control': 'max-age=60, max-stale',
    'x-flightgate-cache-key': 'daily',
    'x-flightgate-cache-tags': 'sales,eu',
    'x-flightgate-cache-ttl-ms': '1000',
  }
  const control = {
    maxAgeMs: 60_000,
    maxStaleMs: Number.MAX_SAFE_INTEGER,
    key: 'daily',
    tags: ['sales', 'eu'],
    ttlMs: 1000,
  }

  describe('what a client asks reaches the statement', () => {
    it('Flight: by headers of GetFlightInfo, in the ticket', async () => {
      await stub.call('DoGet', [await infoFor('SELECT 1', asked)])
      expect(controls()).toEqual([control])
    })

    it('Flight: headers of DoGet take the place of what the ticket carries', async () => {
      const ticket = await infoFor('SELECT 1', asked)
      await stub.call('DoGet', [ticket], { 'cache-control': 'no-cache', 'x-flightgate-cache-tags': 'own' })
      const { maxAgeMs: _, maxStaleMs: __, ...rest } = control
      expect(controls()).toEqual([{ ...rest, noCache: true, tags: ['own'] }])
    })

    it('Flight: by headers of PollFlightInfo', async () => {
      const { messages } = await stub.call('PollFlightInfo', [commandOf('SELECT 1')], asked)
      await stub.call('DoGet', [ticketOf(PollInfo.decode(messages[0]!).info!)])
      expect(controls()[0]).toEqual(control)
    })

    it('Flight: by headers of the call that prepares a statement, or of the one that runs it', async () => {
      const request = ActionCreatePreparedStatementRequest.encode({ query: 'SELECT 1', transactionId: undefined })
      const { body } = await act(
        'CreatePreparedStatement',
        packAny('ActionCreatePreparedStatementRequest', request.finish()),
        { 'cache-control': 'max-age=5' },
      )
      const handle = ActionCreatePreparedStatementResult.decode(unpackAny(body)!.value).preparedStatementHandle
      const command = packAny(
        'CommandPreparedStatementQuery',
        CommandPreparedStatementQuery.encode({ preparedStatementHandle: handle }).finish(),
      )
      for (const headers of [{}, asked]) {
        const { messages } = await stub.call('GetFlightInfo', [descriptorOf(command)], headers)
        await stub.call('DoGet', [ticketOf(FlightInfo.decode(messages[0]!))])
      }
      expect(controls()).toEqual([{ maxAgeMs: 5000 }, control])
    })

    it('Flight: by session options, which headers of a call replace', async () => {
      const text = (value: string): SessionOptionValue => ({ optionValue: { $case: 'stringValue', value } })
      const whole = (value: bigint): SessionOptionValue => ({ optionValue: { $case: 'int64Value', value } })
      const list = (values: string[]): SessionOptionValue => ({
        optionValue: { $case: 'stringListValue', value: { values } },
      })
      const set = (sessionOptions: Record<string, SessionOptionValue>, headers: Headers = {}) =>
        act('SetSessionOptions', SetSessionOptionsRequest.encode({ sessionOptions }).finish(), headers)
      const options = {
        cache_control: text('max-age=60, max-stale'),
        cache_key: text('daily'),
        cache_tags: text('sales, eu'),
        cache_ttl_ms: text('1000'),
      }
      const first = await set(options)
      const cookie = String(first.end.headers!.get('set-cookie')[0]).split(';')[0]!
      expect(SetSessionOptionsResult.decode(first.body).errors).toEqual({})
      await stub.call('DoGet', [await infoFor('SELECT 1', { cookie })])
      await stub.call('DoGet', [await infoFor('SELECT 1', { cookie, 'cache-control': 'no-store' })])
      const { maxAgeMs: _, maxStaleMs: __, ...rest } = control
      expect(controls()).toEqual([control, { noStore: true, ...rest }])

      const told = async () =>
        GetSessionOptionsResult.decode((await act('GetSessionOptions', none, { cookie })).body).sessionOptions
      expect(await told()).toMatchObject({
        cache_control: text('max-age=60, max-stale'),
        cache_key: text('daily'),
        cache_tags: list(['sales', 'eu']),
        cache_ttl_ms: whole(1000n),
      })
      const wrong = {
        cache_control: text('max-age=soon'),
        cache_key: text('a b'),
        cache_tags: list(['a/b']),
        cache_ttl_ms: whole(0n),
      }
      expect(SetSessionOptionsResult.decode((await set(wrong, { cookie })).body).errors).toEqual(
        Object.fromEntries(Object.keys(wrong).map((name) => [name, { value: 2 }])),
      )
      await set(
        { cache_control: text(''), cache_key: {}, cache_tags: list(['one']), cache_ttl_ms: whole(5n) } as never,
        {
          cookie,
        },
      )
      const { cache_control, cache_key, ...left } = await told()
      expect([cache_control, cache_key, left]).toEqual([
        undefined,
        undefined,
        expect.objectContaining({ cache_tags: list(['one']), cache_ttl_ms: whole(5n) }),
      ])
    })

    it('HTTP: by headers, and by members, which take their place', async () => {
      await post('query', { query: 'SELECT 1' }, asked)
      await post(
        'query',
        { query: 'SELECT 1', cache_control: 'no-cache', cache_key: 'k', cache_tags: ['t', 't'], cache_ttl_ms: 5 },
        asked,
      )
      await post(
        'batch',
        { queries: [{ query: 'SELECT 1', cache_control: 'max-age=1' }, { query: 'SELECT 2' }] },
        asked,
      )
      await (await post('stream/sse', { query: 'SELECT 1', cache_tags: ['t'] })).text()
      expect(controls()).toEqual([
        control,
        { noCache: true, key: 'k', tags: ['t'], ttlMs: 5 },
        { maxAgeMs: 1000, key: 'daily', tags: ['sales', 'eu'], ttlMs: 1000 },
        control,
        { tags: ['t'] },
      ])
    })

    it('Gateway service: by metadata, and by cache_control, which takes its place', async () => {
      const own = { ...empty, maxAgeMs: 1500n, maxStaleMs: 2n ** 64n - 1n, tags: ['t'] }
      await service.read('execute', { statement: sql('SELECT 1') }, asked)
      await service.read('execute', { statement: sql('SELECT 1', { cacheControl: own }) }, asked)
      await service.read('executeBatch', {
        statements: [
          sql('SELECT 1', { cacheControl: { ...empty, noCache: true, minFreshMs: 3n, key: 'k', ttlMs: 7n } }),
        ],
        options: undefined,
      })
      expect(controls()).toEqual([
        control,
        { maxAgeMs: 1500, maxStaleMs: Number.MAX_SAFE_INTEGER, key: 'daily', tags: ['t'], ttlMs: 1000 },
        { noCache: true, minFreshMs: 3, key: 'k', ttlMs: 7 },
      ])
      const { results } = await service.unary('planBatch', { statements: [sql('SELECT 1')], options: undefined }, asked)
      const { outcome } = results[0]!
      if (outcome?.$case === 'ticket')
        await stub.call('DoGet', [ticketOf({ endpoint: [{ ticket: { ticket: outcome.value.ticket } }] } as never)])
      expect(controls().at(-1)).toEqual(control)
    })

    it('only-if-cached without rows in the cache: NOT_FOUND, 504, and nothing runs', async () => {
      const headers = { 'cache-control': 'only-if-cached' }
      const { code, details, trailers } = await stub.call('DoGet', [await infoFor('SELECT 1', headers)])
      expect([code, trailers?.get('x-flightgate-error')]).toEqual([5, ['NOT_CACHED']])
      expect(details).toContain('only-if-cached')
      const polled = await stub.call('PollFlightInfo', [commandOf('SELECT 1')], headers)
      expect(polled.code).toBe(5)
      const own = { cacheControl: { ...empty, onlyIfCached: true } }
      await expect(service.read('execute', { statement: sql('SELECT 1', own) })).rejects.toMatchObject({ code: 5 })
      for (const answer of [
        await post('query', { query: 'SELECT 1' }, headers),
        await post('stream/sse', { query: 'SELECT 1', cache_control: 'only-if-cached' }),
      ])
        expect([answer.status, await answer.json()]).toEqual([504, expect.objectContaining({ code: 'NOT_CACHED' })])
      expect(source.ran).toEqual([])
    })

    it.each([
      ['cache-control', 'max-age=soon', 'max-age needs a whole number of seconds'],
      ['x-flightgate-cache-key', 'a b', 'The header x-flightgate-cache-key must be'],
      ['x-flightgate-cache-tags', 'a/b', 'The header x-flightgate-cache-tags must be'],
      ['x-flightgate-cache-ttl-ms', 'soon', 'The header x-flightgate-cache-ttl-ms must be'],
    ])('%s: %s is refused on all faces', async (name, value, message) => {
      const headers = { [name]: value }
      const ticket = await infoFor('SELECT 1')
      for (const [method, request] of [
        ['GetFlightInfo', commandOf('SELECT 1')],
        ['PollFlightInfo', commandOf('SELECT 1')],
        ['DoGet', ticket],
      ] as const) {
        const { code, details } = await stub.call(method, [request], headers)
        expect([code, details]).toEqual([3, expect.stringContaining(message)])
      }
      const answer = await post('query', { query: 'SELECT 1' }, headers)
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(message)])
      await expect(service.read('execute', { statement: sql('SELECT 1') }, headers)).rejects.toThrow(message)
      expect(source.ran).toEqual([])
    })

    it('a member or a field without its form is refused with its name', async () => {
      for (const [member, value] of [
        ['cache_control', 'max-age=soon'],
        ['cache_key', 'a b'],
        ['cache_tags', ['a/b']],
        ['cache_ttl_ms', 0],
      ] as const) {
        const answer = await post('query', { query: 'SELECT 1', [member]: value })
        expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(member)])
      }
      const bad = { ...empty, key: 'a b' }
      await expect(service.read('execute', { statement: sql('SELECT 1', { cacheControl: bad }) })).rejects.toThrow(
        'cache_control.key of statement must be up to 128 letters',
      )
    })
  })

  describe('what the cache did reaches the client', () => {
    const hit: CacheOutcome = { result: 'HIT', ageMs: 19_400, ttlMs: 280_600, level: 'memory' }
    const told = { 'cache-status': 'flightgate; hit; ttl=280', 'results-cache-status': 'HIT', age: '19' }
    const headersOf = (metadata: CallEnd['headers']) => {
      const { 'cache-status': status, 'results-cache-status': result, age } = metadata?.getMap() ?? {}
      return { 'cache-status': status, 'results-cache-status': result, age }
    }

    it('Flight: in the initial metadata of DoGet', async () => {
      source.outcome = hit
      const { headers } = await stub.call('DoGet', [await infoFor('SELECT 1')])
      expect(headersOf(headers)).toEqual(told)
    })

    it('Flight: in the initial metadata of DoGet of a polled statement', async () => {
      source.outcome = { result: 'BYPASS', detail: 'volatile-function' }
      const { messages } = await stub.call('PollFlightInfo', [commandOf('SELECT 1')])
      const { headers } = await stub.call('DoGet', [ticketOf(PollInfo.decode(messages[0]!).info!)])
      expect(headersOf(headers)).toEqual({
        'cache-status': 'flightgate; fwd=bypass; detail=volatile-function',
        'results-cache-status': 'BYPASS',
      })
    })

    it('HTTP: in the headers and the metrics', async () => {
      source.outcome = hit
      for (const path of ['query', 'stream', 'stream/sse']) {
        const answer = await post(path, { query: 'SELECT 1' })
        for (const [name, value] of Object.entries(told)) expect(answer.headers.get(name)).toBe(value)
        expect(answer.headers.get('cache-control')).toBe('private, no-store')
        expect(answer.headers.get('vary')).toContain('authorization, x-api-key')
        const text = await answer.text()
        if (path === 'stream') continue
        expect(text).toContain(
          '"cache":{"result":"HIT","status":"flightgate; hit; ttl=280","age_ms":19400,"ttl_ms":280600,"collapsed":false,"stored":false,"shared":false,"detail":null}',
        )
      }
      const { results } = (await (await post('batch', { queries: [{ query: 'SELECT 1' }] })).json()) as {
        results: { metrics: { cache: unknown } }[]
      }
      expect(results[0]!.metrics.cache).toMatchObject({ result: 'HIT', age_ms: 19_400 })
    })

    it('Gateway service: in the initial metadata and the metrics', async () => {
      source.outcome = { result: 'STALE', ageMs: 301_000, ttlMs: -1000, level: 'shared' }
      const call = service.open('execute', { statement: sql('SELECT 1') })
      const metadata = new Promise<CallEnd['headers']>((resolve) => call.on('metadata', resolve))
      const parts = await call.toArray()
      expect(headersOf(await metadata)).toEqual({
        'cache-status': 'flightgate; hit; ttl=-1; detail=shared',
        'results-cache-status': 'STALE',
        age: '301',
      })
      const cache = {
        result: CacheResult.CACHE_RESULT_STALE,
        status: 'flightgate; hit; ttl=-1; detail=shared',
        ageMs: 301_000n,
        ttlMs: -1000n,
        collapsed: false,
        stored: false,
        shared: true,
        detail: '',
      }
      expect(parts.at(-1).part.value.metrics.cache).toEqual(cache)
      const batch = await service.read('executeBatch', { statements: [sql('SELECT 1')], options: undefined })
      expect(batch.map(({ part }) => part?.$case === 'result' && part.value.metrics?.cache)).toContainEqual(cache)
    })

    it('without the cache there is no status', async () => {
      const { headers } = await stub.call('DoGet', [await infoFor('SELECT 1')])
      expect(headersOf(headers)).toEqual({})
      const answer = await post('query', { query: 'SELECT 1' })
      expect([answer.headers.get('cache-status'), answer.headers.get('age')]).toEqual([null, null])
      expect(await answer.json()).toMatchObject({ metrics: { cache: null } })
    })
  })
})
