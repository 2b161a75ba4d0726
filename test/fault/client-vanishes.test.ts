import { connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, spawnPython } from '../e2e/python.ts'
import { openDoGet } from '../e2e/raw-do-get.ts'

const endless = 'SELECT range, hash(range) FROM range(100000000000)'
const silent = 'SELECT sum(hash(a.range * 31 + b.range)) FROM range(100000) a, range(100000) b'

/** Milliseconds from now until no statement is in flight. */
async function untilIdle(gateway: GatewayProcess): Promise<number> {
  const from = performance.now()
  await expect.poll(() => gateway.metric('flightgate_statements_in_flight'), { timeout: 20_000, interval: 20 }).toBe(0)
  return performance.now() - from
}

describe('a vanished client', () => {
  let gateway: GatewayProcess
  beforeAll(async () => {
    gateway = await GatewayProcess.start({ limits: { keepaliveTimeMs: 300, keepaliveTimeoutMs: 300 } })
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })
  const inFlight = () => gateway.metric('flightgate_statements_in_flight')

  it.each([
    ['in the middle of a stream', endless],
    ['before the first row', silent],
  ])('client cancels %s: the query stops within a second', async (_name, sql) => {
    const stub = new FlightStub(gateway.flight)
    const session = connect(`http://${gateway.flight}`)
    const ticket = ticketOf(await stub.info(sql))
    const stream = openDoGet(session, ticket)
    await expect.poll(inFlight).toBe(1)
    stream.close(8)
    // The documented limit; the stop takes a few milliseconds.
    expect(await untilIdle(gateway)).toBeLessThan(1000)
    await gateway.line(({ event, outcome }) => event === 'statement' && outcome === 'CANCELLED')
    await stub.info('SELECT 1')
    session.destroy()
    stub.close()
  })

  it.skipIf(!hasPython())('client process is killed: the query stops within a second', async () => {
    const child = spawnPython('drain.py', [gateway.uri, endless, '0'])
    await new Promise((resolve) => child.stdout!.once('data', resolve))
    await expect.poll(inFlight).toBe(1)
    child.kill('SIGKILL')
    expect(await untilIdle(gateway)).toBeLessThan(1000)
    expect(await gateway.metric('flightgate_in_flight_bytes')).toBe(0)
  })

  it.skipIf(!hasPython())(
    'client process freezes: the gateway closes its connection after an unanswered PING, the query stops',
    async () => {
      const child = spawnPython('drain.py', [gateway.uri, endless, '0'])
      await new Promise((resolve) => child.stdout!.once('data', resolve))
      await expect.poll(inFlight).toBe(1)
      child.kill('SIGSTOP')
      await untilIdle(gateway)
      child.kill('SIGKILL')
      expect(await gateway.metric('flightgate_in_flight_bytes')).toBe(0)
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
  it('queue full or wait limit reached: client gets QUEUE_FULL or QUEUE_TIMEOUT', async () => {
    const gateway = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb', maxStreams: 1 } },
      // Equal statements must wait each for itself.
      cache: { maxBytes: 0 },
      limits: { maxQueued: 1, queueWaitMs: 300 },
    })
    const stub = new FlightStub(gateway.flight)
    const slow = ticketOf(await stub.info(silent))
    const quick = ticketOf(await stub.info('SELECT 1'))
    const running = stub.call('DoGet', [slow], {}, 2000)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    const waiting = stub.call('DoGet', [quick])
    await expect.poll(() => gateway.metric('flightgate_queued_statements')).toBe(1)
    const refused = await stub.call('DoGet', [ticketOf(await stub.info('SELECT 1'))])
    expect([refused.code, refused.trailers?.get('x-flightgate-error')]).toEqual([8, ['QUEUE_FULL']])
    const late = await waiting
    expect([late.code, late.trailers?.get('x-flightgate-error')]).toEqual([8, ['QUEUE_TIMEOUT']])
    expect(late.trailers?.get('retry-after')).toHaveLength(1)
    expect((await running).code).toBe(4)
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
    const gateway = await GatewayProcess.start({ limits: { maxDeadlineMs: 300 } })
    const stub = new FlightStub(gateway.flight)
    const end = await stub.call('DoGet', [ticketOf(await stub.info(silent))])
    expect(end.code).toBe(4)
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT 1')])).code).toBe(0)
    stub.close()
    await gateway.stop()
  })
})
