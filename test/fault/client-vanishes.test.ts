import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, spawnPython } from '../e2e/python.ts'
import { openDoGet } from '../e2e/raw-do-get.ts'

const endless = 'SELECT range, hash(range) FROM range(100000000000)'
const silent = 'SELECT sum(hash(a.range * 31 + b.range)) FROM range(1000000) a, range(1000000) b'

/** Waits until no statement is in flight, and no bytes of a result. */
async function untilIdle(gateway: GatewayProcess): Promise<void> {
  await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  await expect.poll(() => gateway.metric('flightgate_in_flight_bytes')).toBe(0)
}

describe('a vanished client', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    // Only the end of the stream or of the connection tells the gateway that the client has left.
    gateway = await GatewayProcess.start({ limits: { keepaliveTimeMs: 3_600_000, stallTimeoutMs: 3_600_000 } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })
  const inFlight = () => gateway.metric('flightgate_statements_in_flight')

  it.each([
    ['in the middle of a stream', endless],
    ['before the first row', silent],
  ])('client cancels %s: the query stops', async (_name, sql) => {
    const stub = new FlightStub(gateway.flight)
    const session = connect(`http://${gateway.flight}`)
    const ticket = ticketOf(await stub.info(sql))
    const stream = openDoGet(session, ticket)
    await expect.poll(inFlight).toBe(1)
    stream.close(8)
    await untilIdle(gateway)
    await gateway.line(({ event, outcome }) => event === 'statement' && outcome === 'CANCELLED')
    await stub.info('SELECT 1')
    session.destroy()
    stub.close()
  })

  it.skipIf(!hasPython())('client process is killed: the query stops', async () => {
    const child = spawnPython('drain.py', [gateway.uri, endless, '0'])
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    await expect.poll(inFlight).toBe(1)
    child.kill('SIGKILL')
    await untilIdle(gateway)
  })

  it.skipIf(!hasPython())(
    'client process freezes: the gateway closes its connection after an unanswered PING, the query stops',
    async () => {
      // A client on a machine that is busy may answer late.
      const limits = { keepaliveTimeMs: 300, keepaliveTimeoutMs: 5000, stallTimeoutMs: 3_600_000 }
      const watchful = await GatewayProcess.start({ limits })
      const child = spawnPython('drain.py', [watchful.uri, endless, '0'])
      await new Promise((resolve) => child.stdout!.once('data', resolve))
      await expect.poll(() => watchful.metric('flightgate_statements_in_flight')).toBe(1)
      child.kill('SIGSTOP')
      await untilIdle(watchful)
      child.kill('SIGKILL')
      expect(await watchful.stop()).toBe(0)
      expect(watchful.noise).toEqual([])
    },
  )

  it('client cancels a queued statement: it leaves the queue at once', async () => {
    const narrow = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', maxStreams: 1 } } })
    const stub = new FlightStub(narrow.flight)
    const session = connect(`http://${narrow.flight}`)
    const first = openDoGet(session, ticketOf(await stub.info(endless)))
    await expect.poll(() => narrow.metric('flightgate_statements_in_flight')).toBe(1)
    const second = openDoGet(session, ticketOf(await stub.info(silent)))
    await expect.poll(() => narrow.metric('flightgate_queued_statements')).toBe(1)
    second.close(8)
    await expect.poll(() => narrow.metric('flightgate_queued_statements')).toBe(0)
    first.close(8)
    const data = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1'))])
    expect(data.code).toBe(0)
    session.destroy()
    stub.close()
    await narrow.stop()
  })
})

describe('limits', () => {
  it.each([
    ['queue full', 'QUEUE_FULL', 3_600_000],
    ['wait limit reached', 'QUEUE_TIMEOUT', 500],
  ])('%s: client gets %s', async (_what, code, queueWaitMs) => {
    const gateway = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb', maxStreams: 1 } },
      // Equal statements must wait each for itself.
      cache: { maxBytes: 0 },
      limits: { maxQueued: 1, queueWaitMs },
    })
    const stub = new FlightStub(gateway.flight)
    const session = connect(`http://${gateway.flight}`)
    // Readers of one ticket would share a result.
    const [first, second] = [ticketOf(await stub.info('SELECT 1')), ticketOf(await stub.info('SELECT 1'))]
    openDoGet(session, ticketOf(await stub.info(silent)))
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    const waiting = code === 'QUEUE_FULL' ? stub.call('DoGet', [first]) : undefined
    if (waiting) await expect.poll(() => gateway.metric('flightgate_queued_statements')).toBe(1)
    const refused = await stub.call('DoGet', [second])
    expect([refused.code, refused.trailers?.get('x-flightgate-error')]).toEqual([8, [code]])
    if (!waiting) expect(refused.trailers?.get('retry-after')).toHaveLength(1)
    session.destroy()
    if (waiting) expect((await waiting).code).toBe(0)
    stub.close()
    await gateway.stop()
  })

  it('client’s deadline passes before the first row or midway: DEADLINE_EXCEEDED, the query stops at the engine', async () => {
    const gateway = await GatewayProcess.start()
    const stub = new FlightStub(gateway.flight)
    const session = connect(`http://${gateway.flight}`)
    for (const sql of [silent, endless]) {
      const stream = openDoGet(session, ticketOf(await stub.info(sql)), { 'grpc-timeout': '400m' })
      const status = new Promise((resolve) => {
        stream.on('response', (headers) => headers['grpc-status'] && resolve(headers['grpc-status']))
        stream.on('trailers', (trailers) => resolve(trailers['grpc-status']))
      })
      stream.resume()
      expect(await status).toBe('4')
      await untilIdle(gateway)
    }
    // Log lines may arrive later.
    const outcomes = () => gateway.lines.filter(({ step }) => step === 'run').map(({ outcome }) => outcome)
    await expect.poll(outcomes).toEqual(['DEADLINE', 'DEADLINE'])
    session.destroy()
    stub.close()
    expect(await gateway.stop()).toBe(0)
  })

  it('limits.maxDeadlineMs passes: DEADLINE_EXCEEDED, the query stops at the engine', async () => {
    // Planning must end within it.
    const gateway = await GatewayProcess.start({ limits: { maxDeadlineMs: 5000 } })
    const stub = new FlightStub(gateway.flight)
    const end = await stub.call('DoGet', [ticketOf(await stub.info(silent))])
    expect(end.code).toBe(4)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT 1')])).code).toBe(0)
    stub.close()
    await gateway.stop()
  })
})
