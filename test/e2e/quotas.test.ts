import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { failureOf, GatewayStub, sql } from './gateway-stub.ts'
import { hasPython, runPython } from './python.ts'
import { endOf, openDoGet } from './raw-do-get.ts'

const RATE = 10
const limited = { 'x-api-key': 'key of limited' }
const free = { 'x-api-key': 'key of free' }
const few = { 'x-api-key': 'key of few' }
const small = { 'x-api-key': 'key of small' }
const long = 'SELECT range AS a FROM range(100000000)'

describe('quotas, over Flight', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  beforeAll(async () => {
    gateway = await GatewayProcess.start({
      quotas: { requestsPerMinute: 1_000_000 },
      auth: {
        apiKeys: [
          { name: 'limited', key: 'key of limited', quotas: { requestsPerMinute: RATE } },
          { name: 'free', key: 'key of free', quotas: { requestsPerMinute: 0 } },
          { name: 'few', key: 'key of few', quotas: { maxConcurrentStatements: 2 } },
          { name: 'small', key: 'key of small', quotas: { maxBytesPerDay: 1000 } },
        ],
      },
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    await gateway.stop()
  })

  it('a principal over its requests per minute is refused, and told when to come back; others are not', async () => {
    const calls = []
    // A window may end among the calls.
    for (let i = 0; i <= 2 * RATE; i++) calls.push(await stub.call('ListActions', [Buffer.alloc(0)], limited))
    expect(calls[0]).toMatchObject({ code: 0 })
    expect(calls[0]!.headers!.getMap()).toMatchObject({
      'x-ratelimit-limit': `${RATE}`,
      'x-ratelimit-remaining': `${RATE - 1}`,
      'x-ratelimit-reset': expect.stringMatching(/^[1-6]?\d$/),
    })
    const refused = calls.find(({ code }) => code !== 0)!
    expect(refused.code).toBe(8)
    expect(refused.details).toContain(`more than the ${RATE} requests per minute of limited`)
    const trailers = refused.trailers!.getMap()
    expect(trailers).toMatchObject({
      'x-flightgate-error': 'RATE_LIMITED',
      'retry-after': expect.stringMatching(/^[1-6]?\d$/),
      'x-ratelimit-limit': `${RATE}`,
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': trailers['retry-after'],
    })
    expect((trailers['grpc-status-details-bin'] as Buffer).includes('google.rpc.RetryInfo')).toBe(true)
    for (let i = 0; i <= 2 * RATE; i++) {
      const { code, headers } = await stub.call('ListActions', [Buffer.alloc(0)], free)
      expect([code, headers!.get('x-ratelimit-limit')]).toEqual([0, []])
    }
    expect(await gateway.metric('flightgate_quota_refusals_total', { quota: 'requests' })).toBeGreaterThan(0)
  })

  it.runIf(hasPython())(
    'pyarrow: the limited principal is told why it is refused, the other one runs everything',
    async () => {
      const run = async (key: string) =>
        await runPython<{ rows: number; error: string | null }>('limited.py', gateway.uri, key, `${2 * RATE}`)
      const refused = await run('key of limited')
      expect(refused.rows).toBeLessThan(2 * RATE)
      expect(refused.error).toContain(`more than the ${RATE} requests per minute of limited`)
      expect(await run('key of free')).toEqual({ rows: 2 * RATE, error: null })
    },
  )

  it('a failed call of a limited principal tells what is left too', async () => {
    const { code, trailers } = await stub.call('GetFlightInfo', [Buffer.from('x')], few)
    expect(code).toBe(3)
    expect(trailers!.getMap()).toMatchObject({ 'x-ratelimit-limit': '1000000' })
  })

  it('health checks are not limited', async () => {
    for (let i = 0; i <= 2 * RATE; i++)
      expect(await stub.call('/grpc.health.v1.Health/Check', [Buffer.alloc(0)], limited)).toMatchObject({ code: 0 })
  })

  it('a statement above the concurrent ones of a principal is refused at once, not queued', async () => {
    const session = connect(`http://${gateway.flight}`)
    const unread = []
    for (let i = 0; i < 2; i++) unread.push(openDoGet(session, ticketOf(await stub.info(`${long} -- ${i}`, few)), few))
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(2)
    const third = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1', few))], few)
    expect(third).toMatchObject({ code: 8, details: expect.stringContaining('few may run 2 at the same time') })
    expect(third.trailers!.get('x-flightgate-error')).toEqual(['QUOTA_EXCEEDED'])
    expect(await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1', free))], free)).toMatchObject({ code: 0 })
    const [first] = unread
    const end = endOf(first!)
    first!.close()
    await end
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    expect(await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1', few))], few)).toMatchObject({ code: 0 })
    session.destroy()
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it('a principal that has read its bytes of the day is refused until the next one', async () => {
    const read = async () =>
      await stub.call('DoGet', [ticketOf(await stub.info('SELECT range AS a FROM range(1000)', small))], small)
    // The statement that passes the limit is read to its end.
    expect(await read()).toMatchObject({ code: 0 })
    const refused = await read()
    expect(refused).toMatchObject({ code: 8, details: expect.stringContaining('quotas.maxBytesPerDay') })
    expect(Number(refused.trailers!.get('retry-after')[0])).toBeLessThanOrEqual(86_400)
    expect(await gateway.metric('flightgate_quota_refusals_total', { quota: 'bytes' })).toBe(1)
  })

  it('over HTTP the same allowance counts, and answers tell what is left in headers', async () => {
    const get = async (headers: Record<string, string>) =>
      await fetch(`http://${gateway.http}/api/v1/version`, { headers })
    const answers = []
    for (let i = 0; i <= 2 * RATE; i++) answers.push(await get(limited))
    const refused = answers.find(({ status }) => status !== 200)!
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED', retryable: true })
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      'retry-after': expect.stringMatching(/^[1-6]?\d$/),
      'x-ratelimit-limit': `${RATE}`,
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': refused.headers.get('retry-after'),
    })
    const passed = await get(few)
    expect([passed.status, passed.headers.get('x-ratelimit-limit')]).toEqual([200, '1000000'])
    expect(passed.headers.get('retry-after')).toBeNull()
    expect((await get(free)).headers.get('x-ratelimit-limit')).toBeNull()
    const streamed = await fetch(`http://${gateway.http}/api/v1/query`, {
      method: 'POST',
      headers: { ...few, 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'SELECT 7 AS n' }),
    })
    expect([streamed.status, streamed.headers.get('x-ratelimit-limit')]).toEqual([200, '1000000'])
    expect(await streamed.json()).toMatchObject({ rows: [{ n: 7 }] })
    expect((await fetch(`http://${gateway.http}/readyz`, { headers: limited })).status).toBe(200)
  })

  it('a batch takes a request for each of its statements, and is refused before any of them runs', async () => {
    const service = new GatewayStub(gateway.flight)
    const batch = (n: number, headers: Record<string, string>, maxConcurrency = n) => {
      const statements = Array.from({ length: n }, (_, i) => sql(`SELECT ${i}`))
      return service.read(
        'executeBatch',
        { statements, options: { maxConcurrency, timeoutMs: 0, stopOnError: false } },
        headers,
      )
    }
    expect(await failureOf(batch(RATE + 2, limited))).toMatchObject({
      code: 8,
      error: 'RATE_LIMITED',
    })
    const refused = await failureOf(batch(3, few))
    expect(refused).toMatchObject({
      code: 8,
      error: 'QUOTA_EXCEEDED',
      details: expect.stringContaining('3 statements at once'),
    })
    const summary = (await batch(2, few)).at(-1)!.part
    expect(summary).toMatchObject({ $case: 'summary', value: { succeeded: 2 } })
    const usual = (await batch(6, few, 0)).at(-1)!.part
    expect(usual).toMatchObject({ $case: 'summary', value: { succeeded: 6 } })
    const used = async () => {
      const { remaining, limit } = (await service.unary('getUsage', { principal: '' }, few)).requestsPerMinute!
      return limit - remaining
    }
    const usedByBatch = async () => {
      const before = await used()
      await batch(2, few)
      return (await used()) - before
    }
    // One more for the second question. A window may end meanwhile.
    await expect.poll(usedByBatch).toBe(3n)
    service.close()
  })

  it('the audit line of a statement has its id', async () => {
    await stub.call('DoGet', [ticketOf(await stub.info('SELECT 7', free))], free)
    const line = await gateway.line(
      ({ event, principal, step }) => event === 'statement' && principal === 'free' && step === 'run',
    )
    expect(line['queryId']).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/)
  })
})

describe('quotas without API keys', () => {
  it('count for each connection', async () => {
    const gateway = await GatewayProcess.start({}, { RATE_LIMIT: `${RATE}` })
    const own = { 'grpc.use_local_subchannel_pool': 1 }
    const [one, other] = [new FlightStub(gateway.flight, own), new FlightStub(gateway.flight, own)]
    const codes = []
    for (let i = 0; i <= 2 * RATE; i++) codes.push((await one.call('ListActions', [Buffer.alloc(0)])).code)
    expect(codes).toContain(8)
    expect(await other.call('ListActions', [Buffer.alloc(0)])).toMatchObject({ code: 0 })
    one.close()
    other.close()
    await gateway.stop()
  })
})
