import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Action, CancelFlightInfoRequest, FlightDescriptor, PollInfo } from '../../gen/arrow/flight/protocol/Flight.ts'
import { commandOf, FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { readRows } from './read-rows.ts'

const BIG = 'CREATE TABLE big AS SELECT range AS i FROM range(8000000)'
const SLOW = 'SELECT sum(length(md5(md5(md5(md5(i::VARCHAR)))))) > 0 AS b FROM big'

describe('PollFlightInfo', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  let other: GatewayProcess
  let otherStub: FlightStub

  beforeAll(async () => {
    const sealKeys = ['a secret of at least thirty-two characters']
    const demo = { kind: 'duckdb', writes: true, init: ['CREATE TABLE t AS SELECT 1 AS i', BIG] }
    // The slow statement is slow each time.
    const config = { auth: { sealKeys }, sources: { demo }, cache: { maxBytes: 0 } }
    gateway = await GatewayProcess.start(config)
    other = await GatewayProcess.start(config)
    stub = new FlightStub(gateway.flight)
    otherStub = new FlightStub(other.flight)
  })
  afterAll(async () => {
    stub.close()
    otherStub.close()
    expect([await gateway.stop(), await other.stop()]).toEqual([0, 0])
  })

  const ask = async (descriptor: Uint8Array, from = stub, headers: Readonly<Record<string, string>> = {}) => {
    const { code, details, messages } = await from.call('PollFlightInfo', [descriptor], headers)
    return code === 0 ? PollInfo.decode(messages[0]!) : { code, details }
  }
  const poll = async (descriptor: Uint8Array, from = stub, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await ask(descriptor, from, headers)
    if ('code' in answer) throw new Error(`${answer.code}: ${answer.details}`)
    return answer
  }
  const again = ({ flightDescriptor }: PollInfo) => FlightDescriptor.encode(flightDescriptor!).finish()
  const toEnd = async (first: PollInfo, from = stub) => {
    const seen = [first]
    while (seen.at(-1)!.flightDescriptor) seen.push(await poll(again(seen.at(-1)!), from))
    return seen
  }
  const fetchRows = async ({ info }: PollInfo, from = stub) => {
    const { messages, code, details } = await from.call('DoGet', [ticketOf(info!)])
    expect([code, details]).toEqual([0, ''])
    return readRows(messages)
  }

  it('starts a slow statement, reports progress, and ends with its endpoint', async () => {
    const first = await poll(commandOf(SLOW))
    expect(first.info?.endpoint).toEqual([])
    expect(first.info?.schema.byteLength).toBeGreaterThan(0)
    expect(first.expirationTime?.seconds).toBeGreaterThan(BigInt(Math.floor(Date.now() / 1000)))
    const seen = await toEnd(first)
    const progress = seen.map((each) => each.progress ?? 0)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
    expect(progress.some((value) => value > 0 && value < 1)).toBe(true)
    const last = seen.at(-1)!
    expect([last.progress, last.expirationTime, last.info?.endpoint.length]).toEqual([1, undefined, 1])
    const statements = await gateway.metric('flightgate_statements_total')
    expect(await fetchRows(last)).toEqual([{ b: true }])
    // The statement ran once; a second DoGet runs it again.
    await expect.poll(() => gateway.metric('flightgate_statements_total')).toBe(statements + 1)
    expect(await fetchRows(last)).toEqual([{ b: true }])
  })

  it('ends at once for a fast statement', async () => {
    const quick = await poll(commandOf('SELECT 42 AS answer'))
    const [last] = (await toEnd(quick)).slice(-1)
    expect(await fetchRows(last!)).toEqual([{ answer: 42 }])
  })

  it('runs a change once, for any number of polls and fetches', async () => {
    const [last] = (await toEnd(await poll(commandOf('INSERT INTO t VALUES (2) RETURNING i')))).slice(-1)
    for (let i = 0; i < 2; i++) expect(await fetchRows(last!)).toEqual([{ i: 2 }])
    const [count] = (await toEnd(await poll(commandOf('SELECT count(*)::INT AS n FROM t')))).slice(-1)
    expect(await fetchRows(count!)).toEqual([{ n: 2 }])
  })

  it('statement fails: a poll gets its error', async () => {
    expect(await ask(commandOf('SELEC'))).toMatchObject({ code: 3 })
    const failing = await ask(commandOf(`SELECT (i || 'x')::INTEGER AS i FROM range(10) r(i)`))
    if (!('code' in failing)) expect(await ask(again(failing))).toMatchObject({ code: 3 })
  })

  it('can be cancelled while it has no endpoint', async () => {
    const first = await poll(commandOf(SLOW))
    const cancel = CancelFlightInfoRequest.encode({ info: first.info }).finish()
    expect(
      (await stub.call('DoAction', [Action.encode({ type: 'CancelFlightInfo', body: cancel }).finish()])).code,
    ).toBe(0)
    expect(await ask(again(first))).toMatchObject({ code: 1 })
    await expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(0)
  })

  it('client stops polling or never fetches: the statement is dropped', async () => {
    const hasty = await GatewayProcess.start({
      sources: { demo: { kind: 'duckdb', init: [BIG] } },
      limits: { pollIdleMs: 1500 },
      cache: { maxBytes: 0 },
    })
    const own = new FlightStub(hasty.flight)
    const runOf = async (id: string) => await hasty.line(({ requestId, step }) => requestId === id && step === 'run')
    await poll(commandOf(SLOW.replace('big', 'big, range(1000)')), own, { 'x-request-id': 'left' })
    expect(await runOf('left')).toMatchObject({ event: 'statement', outcome: 'CANCELLED', rows: 0 })
    const unread = { 'x-request-id': 'unread' }
    const ready = (await toEnd(await poll(commandOf('SELECT * FROM range(3000000)'), own, unread), own)).at(-1)!
    expect(await runOf('unread')).toMatchObject({ event: 'statement', outcome: 'CANCELLED' })
    await expect.poll(() => hasty.metric('flightgate_statements_in_flight')).toBe(0)
    expect((await fetchRows(ready, own)).length).toBe(3_000_000)
    own.close()
    expect(await hasty.stop()).toBe(0)
  })

  it('another replica continues the poll', async () => {
    const first = await poll(commandOf(SLOW))
    const last = (await toEnd(await poll(again(first), otherStub), otherStub)).at(-1)!
    expect(await fetchRows(last, otherStub)).toEqual([{ b: true }])
    // Until its own run is ready, the first replica would run the statement again, and keep its own run.
    await toEnd(await poll(again(first)))
    expect(await fetchRows(last)).toEqual([{ b: true }])
  })
})
