import { afterEach, describe, expect, it } from 'vitest'
import { OtlpCollector } from '../fakes/otlp-collector.ts'
import { freePort } from '../fakes/servers.ts'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { postJson } from './http-client.ts'

describe('the export of spans', () => {
  const open: { stop(): Promise<unknown> }[] = []
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.stop()
  })
  const start = async (tracing: object, env: NodeJS.ProcessEnv = {}) => {
    const gateway = await GatewayProcess.start({ tracing }, env)
    open.push(gateway)
    return gateway
  }
  const ask = async (gateway: GatewayProcess, query: string) => {
    const answer = await postJson(gateway, '/api/v1/query', { query })
    expect(answer.status).toBe(200)
    await answer.text()
  }
  const dropped = (gateway: GatewayProcess, reason: string) =>
    gateway.metric('flightgate_spans_dropped_total', { reason })

  it('a dead collector: clients notice nothing, drops are counted, one log line tells of them', async () => {
    const gateway = await start({ endpoint: `http://127.0.0.1:${await freePort()}/v1/traces`, timeoutMs: 300 })
    for (let i = 0; i < 20; i++) await ask(gateway, `SELECT ${i}`)
    await expect.poll(() => dropped(gateway, 'export-failed')).toBeGreaterThanOrEqual(20)
    await ask(gateway, 'SELECT 1 AS again')
    await expect.poll(() => dropped(gateway, 'export-failed')).toBeGreaterThan(60)
    expect(await gateway.line(({ event }) => event === 'spans_dropped')).toMatchObject({
      level: 'warn',
      reason: 'export-failed',
    })
    expect(await gateway.stop()).toBe(0)
    // At most one a minute, and the test has no longer.
    expect(gateway.lines.filter(({ event }) => event === 'spans_dropped')).toHaveLength(1)
    expect(gateway.noise).toEqual([])
  })

  it('a collector that never answers: a flood of calls is bounded by the queue, and the process ends without it', async () => {
    const collector = await OtlpCollector.start()
    open.push(collector)
    collector.answer = 'never'
    // The process would wait longer than the test if it waited for the answer.
    const gateway = await start({ endpoint: collector.endpoint, timeoutMs: 60_000, maxQueuedSpans: 200 })
    const stub = new FlightStub(gateway.flight)
    const calls = await Promise.all(
      Array.from({ length: 500 }, () => stub.call('GetFlightInfo', [commandOf('SELECT 1')])),
    )
    stub.close()
    expect(calls.filter(({ code }) => code !== 0)).toEqual([])
    // Each call has a span of its own and one of its plan; one export and the queue hold the others.
    await expect.poll(() => dropped(gateway, 'queue-full')).toBeGreaterThanOrEqual(1000 - 512 - 200)
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it('the last spans are exported when the process ends', async () => {
    const collector = await OtlpCollector.start()
    open.push(collector)
    const gateway = await start({ endpoint: collector.endpoint })
    await ask(gateway, 'SELECT 1')
    expect(await gateway.stop()).toBe(0)
    expect(collector.spans.map(({ name }) => name)).toContain('POST /api/v1/query')
    expect(collector.spans.map(({ name }) => name)).toContain('statement')
  })

  it('the variables of OpenTelemetry turn it on; a ratio of 0 exports only what clients sample', async () => {
    const collector = await OtlpCollector.start()
    open.push(collector)
    const gateway = await GatewayProcess.start(
      {},
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-token=a%20b',
        OTEL_SERVICE_NAME: 'from-env',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_TRACES_SAMPLER_ARG: '0',
      },
    )
    open.push(gateway)
    await ask(gateway, 'SELECT 1')
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await (await postJson(gateway, '/api/v1/query', { query: 'SELECT 2' }, { traceparent })).text()
    expect(await gateway.stop()).toBe(0)
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([traceparent.slice(3, 35)]))
    expect(collector.exports[0]?.['x-token']).toBe('a b')
    expect(collector.spans[0]?.resource).toMatchObject({
      'service.name': 'from-env',
      'deployment.environment.name': 'test',
    })
  })

  it('without tracing, log lines carry the trace of the client', async () => {
    const gateway = await GatewayProcess.start()
    open.push(gateway)
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const stub = new FlightStub(gateway.flight)
    await stub.call('GetFlightInfo', [commandOf('SELEC 1')], { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
    stub.close()
    for (const event of ['statement', 'call'])
      expect(await gateway.line((line) => line['event'] === event)).toMatchObject({
        traceId,
        parentId: 'b7ad6b7169203331',
      })
  })
})
