import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { HttpAnswer } from '../e2e/http-answer.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'

const MIB = 1 << 20
const NEWLINE = 10
/** Of the gateway that cuts slow clients off: longer than a busy machine may hold up a client that reads. */
const STALL_TIMEOUT_MS = 4500
/** Bytes of a long result. FLIGHTGATE_LONG_STREAM_BYTES makes it longer, such as 10e9. */
const LONG_STREAM_BYTES = Number(process.env['FLIGHTGATE_LONG_STREAM_BYTES'] ?? 300e6)

describe('clients of the HTTP API that leave, or do not read', () => {
  let up: FakeUpstream
  /** A gateway that waits for its clients. */
  let gateway: GatewayProcess
  /** A gateway that cuts slow clients off soon. */
  let strict: GatewayProcess

  beforeAll(async () => {
    up = await FakeUpstream.start()
    const fake = { kind: 'flightsql', uri: up.uri, username: 'u', password: 'p', requestTimeoutMs: 60_000 }
    const sources = { up: fake, queue: { ...fake, maxStreams: 1 }, demo: { kind: 'duckdb', maxStreams: 2 } }
    const config = { sources, defaultSource: 'up', limits: { stallTimeoutMs: 3_600_000, queueWaitMs: 60_000 } }
    gateway = await GatewayProcess.start(config)
    strict = await GatewayProcess.start({
      ...config,
      limits: { stallTimeoutMs: STALL_TIMEOUT_MS },
      http: { bodyTimeoutMs: 1500 },
    })
  })
  afterAll(async () => {
    for (const each of [gateway, strict]) {
      const code = await each.stop()
      expect(each.noise).toEqual([])
      expect(code).toBe(0)
    }
    await up.stop()
  })
  afterEach(async () => {
    for (const each of [gateway, strict]) {
      await expect.poll(() => each.metric('flightgate_statements_in_flight')).toBe(0)
      await expect.poll(() => each.metric('flightgate_http_requests_in_flight')).toBe(0)
    }
    await expect.poll(() => up.openStreams).toBe(0)
  })

  const open = (at = gateway) => {
    const [host, port] = at.http.split(':')
    return connect(Number(port), host).on('error', () => {})
  }
  const requestText = (body: object, requestId: string, length?: number) => {
    const text = JSON.stringify(body)
    const headers = [`content-length: ${length ?? text.length}`, `x-request-id: ${requestId}`, 'host: localhost']
    return `POST /api/v1/stream HTTP/1.1\r\ncontent-type: application/json\r\n${headers.join('\r\n')}\r\n\r\n${text}`
  }
  /** Sends a request and closes its connection once `isReached`; returns its log line. */
  const leave = async (body: object, isReached: (socket: Socket) => boolean | Promise<boolean>, length?: number) => {
    const requestId = randomUUID()
    const socket = open()
    socket.write(requestText(body, requestId, length))
    try {
      await expect.poll(() => isReached(socket)).toBe(true)
    } finally {
      socket.destroy()
    }
    return await gateway.line((line) => line['requestId'] === requestId && line['event'] === 'call')
  }
  const cancelled = { code: 'CANCELLED', status: 499, reason: 'The client closed the connection.' }
  const requests = async () => await gateway.metric('flightgate_http_requests_in_flight')

  const asked = (method: string) => up.calls.some((call) => call.method === method && !seen.has(call))
  const seen = new Set<unknown>()

  it.each<[string, string, () => boolean]>([
    ['is planned', 'SELECT plan hang', () => asked('GetFlightInfo')],
    ['has not answered', 'SELECT hang-before-headers', () => asked('DoGet')],
  ])('a client leaves while its statement %s', async (_stage, query, isReached) => {
    for (const call of up.calls) seen.add(call)
    expect(await leave({ query }, isReached)).toMatchObject(cancelled)
  })

  it('a client leaves while it sends its body', async () => {
    expect(await leave({ query: 'SELECT ok' }, async () => (await requests()) === 1, 1000)).toMatchObject(cancelled)
  })

  it('a client leaves while its statement is queued', async () => {
    const first = await HttpAnswer.post(gateway, 'stream', { query: 'SELECT hang 1', data_source: 'queue' })
    const isQueued = async () => (await gateway.metric('flightgate_queued_statements', { source: 'queue' })) === 1
    expect(await leave({ query: 'SELECT ok 1', data_source: 'queue' }, isQueued)).toMatchObject(cancelled)
    await expect.poll(() => gateway.metric('flightgate_queued_statements', { source: 'queue' })).toBe(0)
    first.close()
  })

  it.each(['json', 'ndjson', 'csv', 'arrow'])('a client leaves in the middle of %s', async (format) => {
    let bytes = 0
    const isReached = (socket: Socket) => {
      if (socket.listenerCount('data') === 0) socket.on('data', (chunk) => (bytes += chunk.length))
      return bytes > 250
    }
    expect(await leave({ query: 'SELECT hang 2', format }, isReached)).toMatchObject(cancelled)
  })

  it('a half-sent body ends with 408', async () => {
    const socket = open(strict)
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.write(requestText({ query: 'SELECT ok' }, 'half.sent', 1000))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('"code":"BODY_TIMEOUT"')
    expect(answer).toContain('http.bodyTimeoutMs')
  })

  it('a client that stops reading is cut off, its slot is free, and others are served meanwhile', async () => {
    const endless = { query: "SELECT range AS n, repeat('x', 100) AS x FROM range(100000000000)", data_source: 'demo' }
    const inFlight = async () => await strict.metric('flightgate_statements_in_flight')
    const before = strict.memory().rssBytes
    const requestIds = ['slow.1', 'slow.2']
    const sockets = requestIds.map((requestId) => {
      const socket = open(strict)
      socket.write(requestText({ ...endless, format: 'ndjson' }, requestId))
      socket.pause()
      return socket
    })
    await expect.poll(inFlight).toBe(2)
    const answer = await HttpAnswer.post(strict, 'query', { query: 'SELECT ok 1' })
    expect(await answer.ended).toBe(true)
    for (const id of requestIds)
      expect(await strict.line(({ requestId, event }) => requestId === id && event === 'call')).toMatchObject({
        code: 'STALLED',
        status: 408,
      })
    await expect.poll(inFlight).toBe(0)
    expect(strict.memory().rssBytes - before).toBeLessThan(256 * MIB)
    for (const socket of sockets) socket.destroy()
    const again = await HttpAnswer.post(strict, 'query', { query: 'SELECT 1', data_source: 'demo' })
    expect(await again.ended).toBe(true)
  })

  it('a slow client that does read gets the whole result', async () => {
    const query = "SELECT range AS n, repeat('x', 100) AS x FROM range(300000)"
    const headers = { 'content-type': 'application/json' }
    const asked = request(`http://${strict.http}/api/v1/stream`, { method: 'POST', agent: false, headers })
    asked.end(JSON.stringify({ query, data_source: 'demo', format: 'ndjson' }))
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    let [bytes, lines, pauses] = [0, 0, 0]
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      for (const byte of chunk) if (byte === NEWLINE) lines++
      if (pauses === 4 || bytes < (pauses + 1) * 4 * MIB) return
      pauses++
      answer.pause()
      // Together longer than the gateway waits for a client that does not read.
      setTimeout(() => answer.resume(), STALL_TIMEOUT_MS / 3)
    })
    await once(answer, 'close')
    expect([answer.complete, lines, pauses]).toEqual([true, 300_000, 4])
  })

  const pipeline = (path: string, requests: number) => {
    return Array.from({ length: 5 }, () => {
      const socket = open(strict)
      socket.pause()
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(requests))
      return socket
    })
  }
  const connections = async () => await strict.metric('flightgate_http_connections')

  it('clients that do not read lose their connections, also without a statement', async () => {
    const before = await connections()
    const sockets = pipeline('/docs', 90)
    await expect.poll(connections).toBeGreaterThanOrEqual(before + 5)
    // The metric itself is asked for over a connection or two.
    await expect.poll(connections).toBeLessThanOrEqual(before + 2)
    for (const socket of sockets) socket.destroy()
  })

  it.each(['/docs', '/nothing'])('clients that pipeline %s without end lose their connections', async (path) => {
    const before = await connections()
    const { rssBytes } = strict.memory()
    const refused = async () => await strict.metric('flightgate_http_requests_total', { status: '429' })
    const refusedBefore = await refused()
    const sockets = pipeline(path, 10_000)
    await expect.poll(refused).toBeGreaterThan(refusedBefore)
    await expect.poll(connections).toBeLessThanOrEqual(before + 2)
    for (const socket of sockets) socket.destroy()
    expect(strict.memory().peakRssBytes - rssBytes).toBeLessThan(128 * MIB)
  })

  it('a long result does not take memory', async () => {
    const rowBytes = 130
    const rows = Math.ceil(LONG_STREAM_BYTES / rowBytes)
    const query = `SELECT range AS n, repeat('x', 110) AS x FROM range(${rows})`
    const drain = async (limit: number, encoding: string) => {
      const response = await fetch(`http://${gateway.http}/api/v1/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'accept-encoding': encoding },
        body: JSON.stringify({ query: `${query} LIMIT ${limit}`, data_source: 'demo', format: 'ndjson' }),
      })
      let bytes = 0
      for await (const chunk of response.body!) bytes += chunk.byteLength
      return bytes
    }
    await drain(rows / 10, 'identity')
    const before = gateway.memory().peakRssBytes
    expect(await drain(rows, 'identity')).toBeGreaterThan(LONG_STREAM_BYTES * 0.9)
    expect(gateway.memory().peakRssBytes - before).toBeLessThan(128 * MIB)
  }, 3_600_000)
})
