import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Action, FlightDescriptor, PollInfo, Result } from '../../gen/arrow/flight/protocol/Flight.ts'
import { ActionBeginTransactionResult } from '../../gen/arrow/flight/protocol/FlightSql.ts'
import { packAny, unpackAny } from '../../src/fronts/flight/wire/command.ts'
import { commandOf, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { hasPython, runPython, spawnPython } from '../e2e/python.ts'
import { openDoGet } from '../e2e/raw-do-get.ts'
import { StuckStatements } from './stuck-statements.ts'

const ROWS = 4_000_000
const long = `SELECT range AS a, range * 7 AS b FROM range(${ROWS})`
const endless = 'SELECT range FROM range(100000000000)'
const begin = (stub: FlightStub) => {
  const body = packAny('ActionBeginTransactionRequest', new Uint8Array(0))
  return stub.call('DoAction', [Action.encode({ type: 'BeginTransaction', body }).finish()])
}
/** A result that a client holds without reading it: it keeps a drain from its end. */
class Unread {
  readonly #session: ClientHttp2Session

  private constructor(session: ClientHttp2Session) {
    this.#session = session
  }

  /** Opens the result and waits until it has begun. */
  static async open(gateway: GatewayProcess, ticket: Uint8Array): Promise<Unread> {
    const session = connect(`http://${gateway.flight}`).on('error', () => {})
    await once(openDoGet(session, ticket), 'response')
    return new Unread(session)
  }

  /** The client leaves. */
  cancel(): void {
    this.#session.destroy()
  }
}

type Drained = { rows: number; error: string | null }

describe.skipIf(!hasPython())('SIGTERM', () => {
  it('drains: a long stream finishes, new statements are refused, /readyz is 503, exit code 0', async () => {
    const gateway = await GatewayProcess.start()
    const stub = new FlightStub(gateway.flight)
    const last = await Unread.open(gateway, ticketOf(await stub.info(endless)))
    expect((await fetch(`http://${gateway.http}/readyz`)).status).toBe(200)
    const reading = runPython<Drained>('drain.py', gateway.uri, long, '0.03')
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(2)
    gateway.signal('SIGTERM')
    await gateway.line(({ event }) => event === 'drain')
    expect((await fetch(`http://${gateway.http}/readyz`)).status).toBe(503)
    expect((await fetch(`http://${gateway.http}/livez`)).status).toBe(200)
    const refused = await stub.call('GetFlightInfo', [commandOf('SELECT 1')])
    expect([refused.code, refused.details]).toEqual([14, expect.stringContaining('another instance')])
    const watching = stub.call('/grpc.health.v1.Health/Watch', [new Uint8Array(0)])
    const health = await stub.call('/grpc.health.v1.Health/Check', [new Uint8Array(0)])
    expect([...health.messages[0]!]).toEqual([8, 2])
    expect(await reading).toMatchObject({ rows: ROWS, error: null })
    last.cancel()
    expect(await gateway.exited).toBe(0)
    expect([...(await watching).messages[0]!]).toEqual([8, 2])
    stub.close()
  })

  it('during drain.notReadyMs: /readyz is 503, new statements are still served', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 600_000 } })
    const stub = new FlightStub(gateway.flight)
    const info = await stub.info('SELECT 1')
    gateway.signal('SIGTERM')
    await expect.poll(async () => (await fetch(`http://${gateway.http}/readyz`)).status).toBe(503)
    const verbose = await fetch(`http://${gateway.http}/readyz?verbose`)
    expect(await verbose.text()).toMatch(/^not ready: draining\n\[/)
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT 1')])).code).toBe(0)
    expect((await stub.call('DoGet', [ticketOf(info)])).code).toBe(0)
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(143)
    stub.close()
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s skips drain.notReadyMs without connections, or on SIGINT',
    async (signal) => {
      const gateway = await GatewayProcess.start({ drain: { notReadyMs: 600_000 } })
      const stub = new FlightStub(gateway.flight)
      if (signal === 'SIGINT') await stub.info('SELECT 1')
      gateway.signal(signal)
      expect(await gateway.exited).toBe(0)
      stub.close()
    },
  )

  it('lets clients finish tickets, transactions and prepared statements', async () => {
    const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', writes: true } } })
    const stub = new FlightStub(gateway.flight)
    const ticketOfLast = ticketOf(await stub.info(endless))
    const child = spawnPython('drain_begun.py', [gateway.uri])
    const said = createInterface(child.stdout!)[Symbol.asyncIterator]()
    expect((await said.next()).value).toBe('begun')
    gateway.signal('SIGTERM')
    await gateway.line(({ event }) => event === 'drain')
    child.stdin!.write('go\n')
    expect((await said.next()).value).toBe('in transaction')
    // So far the drain waited for the transaction; a slow client needs longer for its last calls than a drain waits for them.
    const last = await Unread.open(gateway, ticketOfLast)
    child.stdin!.end('go\n')
    const seen = JSON.parse((await said.next()).value!)
    last.cancel()
    const refused = { error: expect.any(String), text: expect.stringContaining('another instance') }
    expect(seen).toEqual({
      new_statement: refused,
      new_schema: refused,
      new_prepared: refused,
      new_update: refused,
      new_ingest: refused,
      ticket: 3,
      stored_result: [7],
      cancelled: ['0801'],
      tables: ['t'],
      in_transaction: [[1], [2]],
      transaction_close_prepared: null,
      committed: null,
      after_commit: refused,
      closed: null,
    })
    expect(await gateway.exited).toBe(0)
    stub.close()
  })

  it('waits for a polled statement while its client keeps polling', async () => {
    const init = ['CREATE TABLE big AS SELECT range AS i FROM range(8000000)']
    const gateway = await GatewayProcess.start({ sources: { demo: { kind: 'duckdb', init } } })
    const stub = new FlightStub(gateway.flight)
    const poll = async (descriptor: Uint8Array) => {
      const { code, details, messages } = await stub.call('PollFlightInfo', [descriptor])
      expect([code, details]).toEqual([0, ''])
      return PollInfo.decode(messages[0]!)
    }
    let polled = await poll(commandOf('SELECT sum(length(md5(md5(md5(md5(i::VARCHAR)))))) AS s FROM big'))
    expect(polled.flightDescriptor).toBeDefined()
    gateway.signal('SIGTERM')
    await expect.poll(async () => (await stub.call('GetFlightInfo', [commandOf('SELECT 1')])).code).toBe(14)
    // Longer than an idle drain waits for the next call.
    await new Promise((resolve) => setTimeout(resolve, 600))
    while (polled.flightDescriptor) polled = await poll(FlightDescriptor.encode(polled.flightDescriptor).finish())
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect((await stub.call('DoGet', [ticketOf(polled.info!)])).code).toBe(0)
    expect(await gateway.exited).toBe(0)
    stub.close()
  })

  it('open transaction at the end of drain.graceMs: it is cut off, exit code 3', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 0, graceMs: 1000 } })
    const stub = new FlightStub(gateway.flight)
    const begun = await begin(stub)
    const { value } = unpackAny(Result.decode(begun.messages[0]!).body)!
    await stub.info('SELECT 1', {}, ActionBeginTransactionResult.decode(value).transactionId)
    gateway.signal('SIGTERM')
    await expect.poll(async () => (await begin(stub)).code).toBe(14)
    expect(await gateway.exited).toBe(3)
    stub.close()
  })

  it('does not wait for an unused transaction, as idle ADBC clients have one', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 0, graceMs: 86_400_000 } })
    const stub = new FlightStub(gateway.flight)
    expect((await begin(stub)).code).toBe(0)
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(0)
    stub.close()
  })

  it('running stream at the end of drain.graceMs: it is cut off, exit code 3', async () => {
    const gateway = await GatewayProcess.start({ drain: { notReadyMs: 0, graceMs: 300 } })
    const reading = runPython<Drained>('drain.py', gateway.uri, endless, '0.01')
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(3)
    expect((await reading).error).toMatch(/unavailable/i)
  })

  it('tells a client that is cut off whether it may run the call again: not where a change may have been carried out', async () => {
    const demo = { kind: 'duckdb', writes: true, init: ['CREATE TABLE t (i BIGINT)'] }
    const gateway = await GatewayProcess.start({ sources: { demo }, drain: { notReadyMs: 0, graceMs: 1000 } })
    const stub = new FlightStub(gateway.flight)
    const slow = 'SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b'
    const reading = stub.call('DoGet', [ticketOf(await stub.info(slow))])
    const changing = stub.call('GetFlightInfo', [commandOf(`INSERT INTO t ${slow}`)])
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(2)
    gateway.signal('SIGTERM')
    expect(await reading).toMatchObject({ code: 14, details: expect.stringContaining('run it again') })
    expect(await changing).toMatchObject({ code: 1, details: expect.stringContaining('may have been carried out') })
    expect(await gateway.exited).toBe(3)
    const outcomes = () => gateway.lines.filter(({ event }) => event === 'statement').map(({ outcome }) => outcome)
    await expect.poll(() => outcomes().sort()).toEqual(['CANCELLED', 'DRAINING'])
    stub.close()
  })

  it('sent twice: the process ends at once', async () => {
    const gateway = await GatewayProcess.start()
    const reading = runPython<Drained>('drain.py', gateway.uri, endless, '0.01')
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(1)
    gateway.signal('SIGTERM')
    await gateway.line(({ event }) => event === 'drain')
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(143)
    expect((await reading).error).not.toBeNull()
  })
})

describe('two signals in quick succession', () => {
  it('end an idle process cleanly, whichever it handles first', async () => {
    for (let i = 0; i < 5; i++) {
      const gateway = await GatewayProcess.start()
      gateway.signal('SIGTERM')
      gateway.signal('SIGINT')
      expect([0, 130, 143]).toContain(await gateway.exited)
      expect(gateway.noise).toEqual([])
    }
  })
})

describe('a statement stuck after its cancel', () => {
  let stuck: StuckStatements
  beforeEach(() => {
    stuck = new StuckStatements()
  })
  afterEach(() => stuck.release())
  const sources = () => ({ demo: { kind: 'duckdb', init: [stuck.init] } })

  it.each([
    // Its deadline passes once the statement is stuck.
    ['call has ended', 6000, 0],
    ['call is cut off at drain.graceMs', 60_000, 3],
  ])('%s: the drain does not wait for the stuck statement', async (_, deadlineMs, code) => {
    const gateway = await GatewayProcess.start({ sources: sources(), drain: { notReadyMs: 0, graceMs: 1000 } })
    const stub = new FlightStub(gateway.flight)
    const planning = stub.call('GetFlightInfo', [commandOf(stuck.plan(0))], {}, deadlineMs)
    await stuck.count(1, gateway.pid)
    if (code === 0) expect((await planning).code).toBe(4)
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(code)
    expect((await planning).code).not.toBe(0)
    await gateway.line(({ event }) => event === 'stop')
    expect(gateway.lines.map(({ event }) => event)).toContain('stuck')
    expect(gateway.lines.at(-1)).toMatchObject({ event: 'stop' })
    expect(gateway.noise).toEqual([])
    stub.close()
  })

  it('second signal: the process ends at once', async () => {
    const gateway = await GatewayProcess.start({ sources: sources() })
    const stub = new FlightStub(gateway.flight)
    const planning = stub.call('GetFlightInfo', [commandOf(stuck.plan(0))])
    await stuck.count(1, gateway.pid)
    gateway.signal('SIGTERM')
    await gateway.line(({ event }) => event === 'drain')
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(143)
    expect((await planning).code).not.toBe(0)
    stub.close()
  })
})
