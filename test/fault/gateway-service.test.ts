import { randomUUID } from 'node:crypto'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  BatchEstimateCostRequest,
  EstimateCostRequest,
  ExecuteBatchRequest,
  ExecuteBatchResponse,
  ExecuteRequest,
  PlanBatchRequest,
  type Statement,
  StatementStatus,
} from '../../gen/flightgate/v1/gateway_service.ts'
import { failureOf, GatewayStub, sql } from '../e2e/gateway-stub.ts'
import { endOf, openCall } from '../e2e/raw-do-get.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { WatchedGateway } from './watched-gateway.ts'

/** Requests of the methods that run or plan statements, made of one statement. */
const requests: Readonly<Record<string, (statement: Statement) => Uint8Array>> = {
  Execute: (statement) => ExecuteRequest.encode({ statement }).finish(),
  ExecuteBatch: (statement) =>
    ExecuteBatchRequest.encode({
      statements: [statement, sql('SELECT 1', { id: 'next' })],
      options: undefined,
    }).finish(),
  EstimateCost: (statement) => EstimateCostRequest.encode({ statement }).finish(),
  BatchEstimateCost: (statement) => BatchEstimateCostRequest.encode({ statements: [statement] }).finish(),
  PlanBatch: (statement) => PlanBatchRequest.encode({ statements: [statement], options: undefined }).finish(),
}
const streaming = ['Execute', 'ExecuteBatch']
const planning = Object.keys(requests)

const endless = sql('SELECT range, hash(range) FROM range(100000000000)')
const up = (text: string) => sql(text, { dataSource: 'up' })

let upstream: FakeUpstream
let gateway: WatchedGateway
let stub: GatewayStub
beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const uri = `grpc://127.0.0.1:${upstream.port}`
  // Tests leave results unread for as long as they need.
  gateway = await WatchedGateway.start({
    sources: {
      demo: { kind: 'duckdb' },
      narrow: { kind: 'duckdb', maxStreams: 1 },
      up: { kind: 'flightsql', uri, username: 'u', password: 'p' },
    },
    defaultSource: 'demo',
    limits: {
      stallTimeoutMs: 3_600_000,
      maxStatementBytes: 10_000,
      maxParameterBytes: 20_000,
      maxInboundMessageBytes: 50_000,
    },
  })
  stub = new GatewayStub(gateway.process.flight)
})
afterAll(async () => {
  stub.close()
  expect(await gateway.stop()).toBe(0)
  expect(gateway.process.noise).toEqual([])
  await upstream.stop()
})

/** Opens a call without reading it. */
function open(
  session: ClientHttp2Session,
  method: string,
  statement: Statement,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  return openCall(session, `/flightgate.v1.GatewayService/${method}`, requests[method]!(statement), headers)
}

const inFlight = () => gateway.process.metric('flightgate_statements_in_flight')
const calls = () => gateway.process.metric('flightgate_calls_in_flight')
const planned = () => upstream.counts.plans

/** How a client leaves. */
const leaving: readonly (readonly [string, (session: ClientHttp2Session, stream: ClientHttp2Stream) => void])[] = [
  ['cancels', (_session, stream) => stream.close(8)],
  ['vanishes', (session) => session.destroy()],
]

describe.each(leaving)('client %s', (_name, leave) => {
  it.each(planning)('while %s plans: nothing stays behind', async (method) => {
    const before = planned()
    const session = gateway.connect()
    const stream = open(session, method, up('SELECT plan hang'))
    await expect.poll(planned).toBeGreaterThan(before)
    leave(session, stream)
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(streaming)('while a statement of %s waits for its slot: it leaves the queue', async (method) => {
    const session = gateway.connect()
    const holder = gateway.connect()
    open(holder, 'Execute', { ...endless, dataSource: 'narrow' })
    await expect.poll(inFlight).toBe(1)
    const stream = open(session, method, sql('SELECT 1', { dataSource: 'narrow' }))
    await expect.poll(() => gateway.process.metric('flightgate_queued_statements')).toBe(1)
    leave(session, stream)
    await expect.poll(() => gateway.process.metric('flightgate_queued_statements')).toBe(0)
    holder.destroy()
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(streaming)('before the first row of %s: the statement stops', async (method) => {
    const session = gateway.connect()
    const stream = open(session, method, up('SELECT hang-before-headers'))
    await expect.poll(inFlight).toBeGreaterThan(0)
    leave(session, stream)
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(streaming)('in the middle of a result of %s: the statement stops', async (method) => {
    const session = gateway.connect()
    const stream = open(session, method, up('SELECT hang 2'))
    await new Promise((resolve) => stream.once('data', resolve))
    leave(session, stream)
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(streaming)('without having read a result of %s: the statement stops', async (method) => {
    const session = gateway.connect()
    const stream = open(session, method, endless)
    await expect.poll(() => gateway.process.metric('flightgate_in_flight_bytes')).toBeGreaterThan(1_000_000)
    leave(session, stream)
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(planning)('before its request of %s is complete: the call ends', async (method) => {
    const session = gateway.connect()
    const stream = session.request({
      ':method': 'POST',
      ':path': `/flightgate.v1.GatewayService/${method}`,
      'content-type': 'application/grpc',
    })
    stream.on('error', () => {})
    stream.write(Buffer.from([0, 0, 0, 0, 100, 1, 2, 3]))
    await expect.poll(calls).toBe(1)
    leave(session, stream)
    await gateway.expectNothingHeld()
    session.destroy()
  })
})

describe('client does not read', () => {
  it('a call ends at the stall limit, and its statement stops', async () => {
    const strict = await WatchedGateway.start({ limits: { stallTimeoutMs: 1000 } })
    for (const method of streaming) {
      const session = strict.connect()
      const requestId = randomUUID()
      open(session, method, endless, { 'x-request-id': requestId })
      expect(await strict.logged(requestId, 'call')).toMatchObject({ method, code: 'STALLED' })
      await strict.expectNothingHeld()
      session.destroy()
    }
    expect(await strict.stop()).toBe(0)
    expect(strict.process.noise).toEqual([])
  })

  it('time limit of the batch passes: its statements stop at once, and the client still gets how each of them ended', async () => {
    const session = connect(`http://${gateway.process.flight}`)
    const request = ExecuteBatchRequest.encode({
      statements: [
        { ...endless, id: 'a' },
        { ...endless, id: 'b', text: { $case: 'query', value: 'FROM range(99999999999)' } },
      ],
      // Time enough to plan them, and for their first rows.
      options: { maxConcurrency: 2, timeoutMs: 4000, stopOnError: false },
    }).finish()
    const stream = openCall(session, '/flightgate.v1.GatewayService/ExecuteBatch', request)
    await expect.poll(() => gateway.process.metric('flightgate_in_flight_bytes')).toBeGreaterThan(1_000_000)
    // Nothing has been read, and still no statement holds a slot.
    await expect.poll(inFlight).toBe(0)
    expect(await calls()).toBe(1)
    const end = await endOf(stream)
    expect(end.status).toBe(0)
    const answers = messagesIn(end.body).map((message) => ExecuteBatchResponse.decode(message))
    const results = answers.flatMap(({ id, part }) => (part?.$case === 'result' ? [[id, part.value] as const] : []))
    expect(Object.fromEntries(results)).toMatchObject({
      a: { status: StatementStatus.STATEMENT_STATUS_FAILED, error: { code: 'DEADLINE' } },
      b: { status: StatementStatus.STATEMENT_STATUS_FAILED, error: { code: 'DEADLINE' } },
    })
    expect(answers.at(-1)!.part).toMatchObject({ $case: 'summary', value: { failed: 2 } })
    session.destroy()
    await gateway.expectNothingHeld()
  })
})

describe('the client’s deadline passes', () => {
  it.each(planning)('while %s plans: DEADLINE, nothing stays behind', async (method) => {
    const session = gateway.connect()
    const end = await endOf(open(session, method, up('SELECT plan hang'), { 'grpc-timeout': '300m' }))
    expect(end).toMatchObject({ status: 4, error: 'DEADLINE' })
    await gateway.expectNothingHeld()
    session.destroy()
  })

  it.each(streaming)('in the middle of a result of %s: DEADLINE, the statement stops', async (method) => {
    const session = gateway.connect()
    const end = await endOf(open(session, method, up('SELECT hang 1'), { 'grpc-timeout': '500m' }))
    expect(end).toMatchObject({ status: 4, error: 'DEADLINE' })
    await gateway.expectNothingHeld()
    session.destroy()
  })
})

describe('the upstream', () => {
  it.each([
    ['drops the connection', 'cut', 'SOURCE_UNAVAILABLE'],
    ['resets the stream', 'rst', 'SOURCE_UNAVAILABLE'],
    ['sends a batch that is too short', 'short', 'UPSTREAM_DATA'],
    ['fails', 'fail', 'UPSTREAM_FAILED'],
  ])('%s in the middle of a result: Execute ends with an error and no summary', async (_name, behaviour, error) => {
    const reading = stub.read('execute', { statement: up(`SELECT ${behaviour} 2`) })
    const messages = await reading.catch((thrown) => thrown.messages as { part: { $case: string } }[])
    const kinds = messages.map(({ part }) => part?.$case)
    const whole = ['schema', 'recordBatch', 'recordBatch']
    // A lost connection or stream may discard data sent before.
    expect(kinds).toEqual(error === 'SOURCE_UNAVAILABLE' ? whole.slice(0, kinds.length) : whole)
    expect(await failureOf(reading)).toMatchObject({ error })
    await gateway.expectNothingHeld()
  })

  it('is slow: the gateway passes each batch on when it comes', async () => {
    const messages = await stub.read('execute', { statement: up('SELECT drip 5') })
    expect(messages).toHaveLength(7)
    const { part } = messages.at(-1)!
    expect(part).toMatchObject({ $case: 'summary', value: { metrics: { rows: BigInt(5 * BATCH_ROWS) } } })
  })
})

describe('oversized requests', () => {
  const parameters = new Uint8Array(30_000)
  it.each([
    ['a text above limits.maxStatementBytes', sql(`SELECT '${'x'.repeat(20_000)}'`), 'limits.maxStatementBytes'],
    ['parameters above limits.maxParameterBytes', sql('SELECT ?', { parameters }), 'limits.maxParameterBytes'],
    [
      'a message above limits.maxInboundMessageBytes',
      sql(`SELECT '${'x'.repeat(60_000)}'`),
      'limits.maxInboundMessageBytes',
    ],
  ])('%s: TOO_LARGE', async (_name, statement, setting) => {
    const failure = await failureOf(stub.read('execute', { statement }))
    expect(failure).toMatchObject({ code: 8, error: 'TOO_LARGE', details: expect.stringContaining(setting) })
  })
})

/** The gRPC messages in the body of a call. */
function messagesIn(body: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1)
    messages.push(body.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  return messages
}
