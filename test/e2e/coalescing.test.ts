import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { batchMessage, flightData, schema } from '../fakes/flight-messages.ts'
import type { AskedResult } from '../fakes/upstream-behaviours.ts'
import { endWithTests } from './end-with-tests.ts'
import { FlightStub, ticketOf } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { GatewayStub, sql as statement, streamOf } from './gateway-stub.ts'
import { linesOf, postJson, runningQueries } from './http-client.ts'
import { endOf, openDoGet } from './raw-do-get.ts'

const query = 'SELECT shared FROM t'
const digestOf = (...parts: readonly Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')

/** A step of the upstream that waits for the test. */
function step() {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const { promise: passed, resolve: pass } = Promise.withResolvers<void>()
  const wait = () => {
    reach()
    return passed
  }
  return { reached, pass, wait }
}

/** A client in a process of its own, which opens DoGet, writes a line once the answer begins, and does not read on. */
const clientProgram = `
  const { connect } = require('node:http2')
  const [, authority, ticket] = process.argv
  const message = Buffer.from(ticket, 'base64')
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  const stream = connect(authority).request({
    ':method': 'POST',
    ':path': '/arrow.flight.protocol.FlightService/DoGet',
    'content-type': 'application/grpc',
  })
  stream.on('response', () => console.log('begun'))
  stream.end(Buffer.concat([prefix, message]))
`

describe('statements that run at the same time', () => {
  let upstream: FakeUpstream
  let gateway: GatewayProcess
  let stub: FlightStub
  let behave: (asked: AskedResult) => Promise<void>
  const sessions: ClientHttp2Session[] = []

  beforeEach(async () => {
    upstream = await FakeUpstream.start({ login: false, behaviours: { shared: (asked) => behave(asked) } })
    const source = { kind: 'flightsql', uri: upstream.uri, pool: { min: 0, max: 8 }, maxStreams: 4 }
    gateway = await GatewayProcess.start({ sources: { up: source }, limits: { maxRepeatableResultBytes: 0 } })
    stub = new FlightStub(gateway.flight)
  })
  afterEach(async () => {
    stub.close()
    for (const session of sessions.splice(0)) session.destroy()
    expect(await gateway.stop()).toBe(0)
    await upstream.stop()
    expect(gateway.noise).toEqual([])
  })
  const session = () => {
    const opened = connect(`http://${gateway.flight}`)
    opened.on('error', () => {})
    sessions.push(opened)
    return opened
  }
  const inFlight = (count: number) => expect.poll(() => gateway.metric('flightgate_statements_in_flight')).toBe(count)
  /** So many statements have a slot, or share the rows of one that has. */
  const running = (count: number) =>
    expect
      .poll(async () => (await runningQueries(gateway)).map(({ state }) => state))
      .toEqual(Array(count).fill('running'))
  const ticket = async () => ticketOf(await stub.info(query))
  /** Sends the schema, then batches. */
  const send = async ({ call }: AskedResult, batches: number) => {
    call.start()
    await call.writeMessage(flightData(schema))
    for (let i = 0; i < batches && !call.isOver; i++) await call.writeMessage(batchMessage)
  }
  /** Reads DoGet to its end. Returns the digest of its messages. */
  const read = async () => {
    const { code, details, messages } = await stub.call('DoGet', [await ticket()], {}, 120_000)
    expect([code, details]).toEqual([0, ''])
    return { messages: messages.length, digest: digestOf(...messages) }
  }

  it('200 over Flight, the Gateway service and HTTP: one execution, and all get the same rows', async () => {
    const all = step()
    behave = async (asked) => {
      await all.wait()
      await send(asked, 3)
      asked.call.finish(0)
    }
    const gatewayStub = new GatewayStub(gateway.flight, { 'grpc.use_local_subchannel_pool': 1 })
    const flight = Array.from({ length: 90 }, () => read())
    const service = Array.from({ length: 60 }, () =>
      gatewayStub.read('execute', { statement: statement(query) }, {}, 120_000),
    )
    const http = Array.from({ length: 50 }, async () =>
      linesOf(await postJson(gateway, '/api/v1/stream', { query, format: 'ndjson' })),
    )
    await running(200)
    await all.reached
    all.pass()
    const answers = await Promise.all(flight)
    expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1)
    expect(answers[0]!.messages).toBe(4)
    expect(new Set((await Promise.all(service)).map((messages) => digestOf(streamOf(messages)))).size).toBe(1)
    for (const lines of await Promise.all(http)) expect(lines.length).toBe(3000)
    expect(upstream.counts.executions).toBe(1)
    gatewayStub.close()
  }, 120_000)

  it('one is stalled, one is cancelled, the first one is killed: the others get all rows of the one execution', async () => {
    const begun = step()
    const middle = step()
    behave = async (asked) => {
      await begun.wait()
      await send(asked, 50)
      await middle.wait()
      for (let i = 0; i < 500 && !asked.call.isOver; i++) await asked.call.writeMessage(batchMessage)
      asked.call.finish(0)
    }
    const first = spawn(process.execPath, [
      '-e',
      clientProgram,
      `http://${gateway.flight}`,
      Buffer.from(await ticket()).toString('base64'),
    ])
    endWithTests(first)
    await begun.reached
    const second = openDoGet(session(), await ticket())
    // Without a listener for its data the client reads no further than its window.
    const stalled = openDoGet(session(), await ticket())
    const cancelled = openDoGet(session(), await ticket())
    await inFlight(4)
    const cancelledById = openDoGet(session(), await ticket())
    await inFlight(5)
    const readers = Array.from({ length: 10 }, () => read())
    await inFlight(15)
    const [, , , , byId] = await runningQueries(gateway)
    begun.pass()
    await once(first.stdout, 'data')
    await middle.reached
    first.kill('SIGKILL')
    second.destroy()
    cancelled.close(8)
    const ended = endOf(cancelledById)
    expect((await fetch(`http://${gateway.http}/api/v1/queries/${byId.id}`, { method: 'DELETE' })).ok).toBe(true)
    expect(await ended).toMatchObject({ error: 'CANCELLED' })
    await inFlight(11)
    middle.pass()
    const answers = await Promise.all(readers)
    expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1)
    expect(answers[0]!.messages).toBe(551)
    expect((await endOf(stalled)).status).toBe(0)
    expect([upstream.counts.executions, upstream.ended.cancelled]).toEqual([1, 0])
  }, 60_000)

  it('all leave: the execution is cancelled, and the next call runs again', async () => {
    behave = async (asked) => {
      await send(asked, 1)
      if (upstream.counts.executions === 2) asked.call.finish(0)
    }
    const opened = [session(), session()]
    for (const each of opened) openDoGet(each, await ticket())
    await running(2)
    await expect.poll(() => upstream.counts.executions).toBe(1)
    for (const each of opened) each.destroy()
    await expect.poll(() => upstream.ended.cancelled).toBe(1)
    expect((await read()).messages).toBe(2)
    expect(upstream.counts.executions).toBe(2)
  })

  it('the upstream breaks in the middle: all get the error, and the next call runs again', async () => {
    const broken = step()
    behave = async (asked) => {
      await send(asked, 3)
      if (upstream.counts.executions > 1) {
        asked.call.finish(0)
        return
      }
      await broken.wait()
      asked.call.reset(2)
    }
    const calls = Array.from({ length: 20 }, async () => stub.call('DoGet', [await ticket()]))
    await running(20)
    await broken.reached
    broken.pass()
    const ends = await Promise.all(calls)
    const codes = ends.map(({ code, trailers }) => [code, trailers?.get('x-flightgate-error')[0]])
    expect(new Set(codes.map(String))).toEqual(new Set([String(codes[0])]))
    expect(codes[0]![0]).not.toBe(0)
    expect(upstream.counts.executions).toBe(1)
    expect((await read()).messages).toBe(4)
    expect(upstream.counts.executions).toBe(2)
  })

  it('a small result that its client does not read frees its slot', async () => {
    behave = async (asked) => {
      await send(asked, 100)
      asked.call.finish(0)
    }
    await gateway.stop()
    const source = { kind: 'flightsql', uri: upstream.uri, pool: { min: 0 }, maxStreams: 1 }
    gateway = await GatewayProcess.start({ sources: { up: source } })
    stub.close()
    stub = new FlightStub(gateway.flight)
    const unread = openDoGet(session(), await ticket())
    await expect.poll(() => gateway.metric('flightgate_cache_entries')).toBe(1)
    expect((await stub.call('DoGet', [ticketOf(await stub.info('SELECT other FROM t'))])).code).toBe(0)
    expect((await endOf(unread)).status).toBe(0)
    expect([(await read()).messages, upstream.counts.executions]).toEqual([101, 2])
  })

  it('60 readers of 24 MiB do not multiply its memory', async () => {
    behave = async (asked) => {
      await send(asked, 3000)
      asked.call.finish(0)
    }
    const before = gateway.memory().rssBytes
    const stalled = session()
    for (let i = 0; i < 60; i++) openDoGet(stalled, await ticket())
    await inFlight(60)
    expect((await read()).messages).toBe(3001)
    expect(upstream.counts.executions).toBe(1)
    // 60 times 24 MiB would be 1.4 GiB.
    expect(gateway.memory().peakRssBytes - before).toBeLessThan(300 * 2 ** 20)
  }, 60_000)
})
