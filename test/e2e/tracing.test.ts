import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FlightDescriptor, type FlightInfo, PollInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { OtlpCollector, type ReceivedSpan } from '../fakes/otlp-collector.ts'
import type { AskedResult } from '../fakes/upstream-behaviours.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'
import { hasPython, runPython } from './python.ts'

const service = 'arrow.flight.protocol.FlightService'
const CLIENT_SPAN = 'b7ad6b7169203331'

/** A client's trace. */
function newTrace(flags = '01'): { traceId: string; traceparent: string } {
  const traceId = randomBytes(16).toString('hex')
  return { traceId, traceparent: `00-${traceId}-${CLIENT_SPAN}-${flags}` }
}

const named = (spans: readonly ReceivedSpan[], name: string, serviceName = 'front') =>
  spans.filter((span) => span.name === name && span.resource['service.name'] === serviceName)
const one = (spans: readonly ReceivedSpan[], name: string, serviceName?: string): ReceivedSpan => {
  const found = named(spans, name, serviceName)
  expect(found.map((span) => span.name)).toEqual([name])
  return found[0]!
}

/** Whether the span of the call and those of so many statements are there. */
const hasStatements = (count: number) => (spans: readonly ReceivedSpan[]) =>
  spans.some(({ kind }) => kind === 2) && named(spans, 'statement').length === count

describe('tracing', () => {
  let collector: OtlpCollector
  let behind: GatewayProcess
  let gateway: GatewayProcess
  let stub: FlightStub
  /** Its statements `SELECT held` run until the test ends them. */
  let upstream: FakeUpstream
  const held = Promise.withResolvers<void>()

  beforeAll(async () => {
    collector = await OtlpCollector.start()
    const behaviours = { held: (asked: AskedResult) => held.promise.then(() => asked.rowsAnd()) }
    upstream = await FakeUpstream.start({ login: false, behaviours })
    const tracing = { endpoint: collector.endpoint, headers: { 'x-token': 'secret' } }
    behind = await GatewayProcess.start({ tracing: { ...tracing, serviceName: 'behind' } })
    gateway = await GatewayProcess.start({
      tracing: { ...tracing, serviceName: 'front', resourceAttributes: { 'deployment.environment.name': 'test' } },
      sources: {
        lake: { kind: 'flightsql', uri: behind.uri },
        private: { kind: 'flightsql', uri: behind.uri, forward: { toServer: [] } },
        demo: { kind: 'duckdb' },
        up: { kind: 'flightsql', uri: upstream.uri },
      },
      defaultSource: 'lake',
    })
    stub = new FlightStub(gateway.flight)
  })
  afterAll(async () => {
    stub.close()
    for (const each of [gateway, behind]) {
      expect(await each.stop()).toBe(0)
      expect(each.noise).toEqual([])
    }
    await Promise.all([collector.stop(), upstream.stop()])
  })

  /** Polls a statement until it is ready. */
  const polled = async (sql: string, headers: Readonly<Record<string, string>>): Promise<FlightInfo> => {
    for (let command = commandOf(sql); ; ) {
      const poll = await stub.call('PollFlightInfo', [command], headers)
      expect(poll.code).toBe(0)
      const { info, flightDescriptor } = PollInfo.decode(poll.messages[0]!)
      if (info && info.endpoint.length > 0) return info
      command = FlightDescriptor.encode(flightDescriptor!).finish()
    }
  }

  it.runIf(hasPython())('a read by pyarrow is one tree from the client over the gateway to the server', async () => {
    const { traceId, traceparent } = newTrace()
    const sql = 'SELECT * FROM range(5000)'
    expect(await runPython('traced.py', gateway.uri, 'lake', traceparent, sql)).toEqual({ rows: 5000 })
    const spans = await collector.trace(
      traceId,
      (all) =>
        named(all, `${service}/DoGet`).length === 2 &&
        named(all, `${service}/DoGet`, 'behind').length === 1 &&
        named(all, 'statement', 'front').length === 1 &&
        named(all, 'statement', 'behind').length === 1,
    )
    const server = (name: string) => named(spans, `${service}/${name}`).find(({ kind }) => kind === 2)!
    const client = (name: string) => named(spans, `${service}/${name}`).find(({ kind }) => kind === 3)!
    const [info, get] = [server('GetFlightInfo'), server('DoGet')]
    expect(info).toMatchObject({ parentId: CLIENT_SPAN, traceState: 'a=1' })
    expect(get).toMatchObject({
      parentId: CLIENT_SPAN,
      isError: false,
      attributes: {
        'rpc.system.name': 'grpc',
        'rpc.method': `${service}/DoGet`,
        'rpc.response.status_code': 'OK',
        'client.address': '127.0.0.1',
        'flightgate.principal': 'anonymous',
      },
      resource: { 'service.name': 'front', 'deployment.environment.name': 'test' },
    })
    const plan = one(spans, 'plan')
    expect(plan.parentId).toBe(info.spanId)
    expect(client('GetFlightInfo')).toMatchObject({
      parentId: plan.spanId,
      attributes: { 'server.address': '127.0.0.1' },
    })
    const statement = one(spans, 'statement')
    expect(statement).toMatchObject({
      parentId: get.spanId,
      events: ['first byte'],
      attributes: {
        'flightgate.source': 'lake',
        'flightgate.statement_kind': 'read',
        'flightgate.rows': 5000,
        'flightgate.cache': expect.any(String),
        'flightgate.query_id': expect.stringMatching(/^[0-9a-f]{12}-/),
        'flightgate.sql_hash': expect.stringMatching(/^[0-9a-f]{16}$/),
        'db.system.name': 'flightsql',
      },
    })
    expect(JSON.stringify(spans)).not.toContain('range(5000)')
    for (const name of ['queue', 'first byte', 'stream']) expect(one(spans, name).parentId).toBe(statement.spanId)
    expect(client('DoGet').parentId).toBe(statement.spanId)
    const behindGet = named(spans, `${service}/DoGet`, 'behind')[0]!
    expect(behindGet).toMatchObject({ parentId: client('DoGet').spanId, kind: 2, traceState: 'a=1' })
    expect(one(spans, 'statement', 'behind').attributes['flightgate.source']).toBe('demo')
    for (const span of spans) expect(span.endMs).toBeGreaterThanOrEqual(span.startMs)
    const [queue, firstByte, stream] = ['queue', 'first byte', 'stream'].map((name) => one(spans, name))
    expect(queue!.endMs).toBeLessThanOrEqual(firstByte!.startMs + 1)
    expect(firstByte!.endMs).toBeLessThanOrEqual(stream!.startMs + 1)
    expect(collector.exports[0]).toMatchObject({ 'x-token': 'secret', 'content-type': 'application/x-protobuf' })
    // The log leads to the trace.
    const line = await gateway.line((each) => each['event'] === 'statement' && each['traceId'] === traceId)
    expect(line['spanId']).toBe(statement.spanId)
  })

  it('a statement that fails: its error code is on the span of the plan and of the call, without its text', async () => {
    const { traceId, traceparent } = newTrace()
    const end = await stub.call('GetFlightInfo', [commandOf('SELECT secret_column FROM nothing')], { traceparent })
    expect(end.code).not.toBe(0)
    const spans = await collector.trace(traceId, (all) =>
      named(all, `${service}/GetFlightInfo`).some(({ kind }) => kind === 2),
    )
    const plan = one(spans, 'plan')
    expect(plan).toMatchObject({ isError: true, attributes: { 'error.type': expect.any(String) } })
    const call = spans.find(({ kind, resource }) => kind === 2 && resource['service.name'] === 'front')!
    // The client's mistake is no fault of the server.
    expect(call).toMatchObject({ isError: false, attributes: { 'error.type': plan.attributes['error.type'] } })
    expect(JSON.stringify(spans)).not.toContain('secret_column')
  })

  it('HTTP: the request is the root, also without a client’s trace, and the statement is below', async () => {
    const { traceId, traceparent } = newTrace()
    const answer = await postJson(gateway, '/api/v1/query', { query: 'SELECT 1', data_source: 'demo' }, { traceparent })
    expect(answer.status).toBe(200)
    await answer.text()
    const spans = await collector.trace(traceId, hasStatements(1))
    const root = one(spans, 'POST /api/v1/query')
    expect(root).toMatchObject({
      parentId: CLIENT_SPAN,
      attributes: { 'http.request.method': 'POST', 'http.route': '/api/v1/query', 'http.response.status_code': 200 },
    })
    expect(one(spans, 'plan').parentId).toBe(root.spanId)
    expect(one(spans, 'statement').parentId).toBe(root.spanId)

    await (await postJson(gateway, '/api/v1/query', { query: 'SELECT 2 AS own', data_source: 'demo' })).text()
    await expect
      .poll(() => collector.spans.some(({ parentId, name }) => parentId === '' && name.startsWith('POST')))
      .toBe(true)
    expect(collector.spans.some(({ name }) => name.includes('metrics') || name.includes('livez'))).toBe(false)
  })

  it('a batch: each statement has its own spans below the request', async () => {
    const { traceId, traceparent } = newTrace()
    const queries = [1, 2, 3].map((i) => ({ query: `SELECT ${i} AS in_batch`, data_source: 'demo' }))
    const answer = await postJson(gateway, '/api/v1/batch', { queries }, { traceparent })
    expect(answer.status).toBe(200)
    await answer.text()
    const spans = await collector.trace(traceId, hasStatements(3))
    const root = one(spans, 'POST /api/v1/batch')
    for (const name of ['plan', 'statement'])
      expect(named(spans, name).map(({ parentId }) => parentId)).toEqual(queries.map(() => root.spanId))
  })

  it('a client’s flag decides: without `sampled` nothing is exported, but the trace is passed on', async () => {
    const { traceId, traceparent } = newTrace('00')
    const info = await stub.info('SELECT 42', { traceparent })
    expect((await stub.call('DoGet', [ticketOf(info)], { traceparent })).code).toBe(0)
    const line = await behind.line((each) => each['event'] === 'statement' && each['traceId'] === traceId)
    expect(line['outcome']).toBe('OK')
    const traced = newTrace()
    await stub.info('SELECT 43', { traceparent: traced.traceparent })
    await collector.trace(traced.traceId, (all) => all.some(({ kind }) => kind === 2))
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([])
  })

  it('a source that forwards no trace gets none', async () => {
    const { traceId, traceparent } = newTrace()
    const headers = { traceparent, 'x-flightgate-source': 'private' }
    const info = await stub.info('SELECT 77', headers)
    expect((await stub.call('DoGet', [ticketOf(info)], headers)).code).toBe(0)
    const spans = await collector.trace(traceId, (all) => named(all, 'statement').length === 1)
    expect(spans.filter(({ resource }) => resource['service.name'] === 'behind')).toEqual([])
  })

  it('a coalesced reader points to the statement that runs; a cached one has no span of the source', async () => {
    const body = { query: 'SELECT held FROM t', data_source: 'up' }
    const [first, second, third] = [newTrace(), newTrace(), newTrace()]
    const run = async ({ traceparent }: { traceparent: string }) => {
      const answer = await postJson(gateway, '/api/v1/query', body, { traceparent })
      expect(answer.status).toBe(200)
      await answer.text()
    }
    const both = Promise.all([run(first), run(second)])
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(2)
    held.resolve()
    await both
    await run(third)
    const [a, b, c] = await Promise.all(
      [first, second, third].map(async ({ traceId }) =>
        one(await collector.trace(traceId, hasStatements(1)), 'statement'),
      ),
    )
    const [leader, follower] = a!.links.length === 0 ? [a!, b!] : [b!, a!]
    expect(follower.links).toEqual([leader.spanId])
    expect(follower.attributes['flightgate.is_coalesced']).toBe(true)
    expect(c!.attributes['flightgate.cache']).toBe('HIT')
    expect(collector.spans.filter(({ parentId }) => parentId === c!.spanId)).toEqual([])
  })

  it('/metrics has exemplars for clients that ask for OpenMetrics, and the plain format as ever', async () => {
    const { traceId, traceparent } = newTrace()
    await (await postJson(gateway, '/api/v1/query', { query: 'SELECT 5', data_source: 'demo' }, { traceparent })).text()
    const scrape = async (accept: string) => await fetch(`http://${gateway.http}/metrics`, { headers: { accept } })
    const openMetrics = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1'
    const exemplar = `# {trace_id="${traceId}",span_id="`
    await expect.poll(async () => (await scrape(openMetrics)).text()).toContain(exemplar)
    const open = await scrape(openMetrics)
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text')
    const text = await open.text()
    expect(text.endsWith('# EOF\n')).toBe(true)
    expect(text).toContain('# TYPE flightgate_http_requests counter')
    const plain = await (await scrape('text/plain')).text()
    expect(plain).not.toContain('trace_id')
    expect(plain).toContain('# TYPE flightgate_http_requests_total counter')
  })

  it('a polled statement: the fetch in another trace points to it', async () => {
    const [begun, fetched] = [newTrace(), newTrace()]
    const info = await polled('SELECT count(*) AS polled FROM range(1000)', {
      traceparent: begun.traceparent,
      'x-flightgate-source': 'demo',
    })
    expect((await stub.call('DoGet', [ticketOf(info)], { traceparent: fetched.traceparent })).code).toBe(0)
    const spans = await collector.trace(begun.traceId, (all) => named(all, 'statement').length === 1)
    const [get] = await collector.trace(fetched.traceId, (all) => all.length > 0)
    expect(get).toMatchObject({ name: `${service}/DoGet`, links: [one(spans, 'statement').spanId] })
  })
})
