import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { frame, numberFrame } from '../../src/http2/frames/frame-writer.ts'
import { FrameType } from '../../src/http2/protocol.ts'
import { GatewayError } from '../../src/query/errors.ts'
import type { FlightSqlConfig } from '../../src/sources/flightsql/settings.ts'
import { FakeUpstream } from '../fakes/fake-upstream.ts'
import { batchMessage, infoOf, schemaMessage } from '../fakes/flight-messages.ts'
import type { UpstreamCall } from '../fakes/upstream-call.ts'
import { goaway, opening } from '../fakes/upstream-connection.ts'
import { UpstreamFixture } from './upstream-fixture.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const LAST_STREAM = 2 ** 31 - 1
const noLogin: Partial<FlightSqlConfig> = { username: undefined, password: undefined }

async function open(
  answer: (call: UpstreamCall) => boolean,
  begin?: (socket: Socket) => void,
  more: Partial<FlightSqlConfig> = {},
  pool: Partial<FlightSqlConfig['pool']> = {},
): Promise<{ server: FakeUpstream; upstream: UpstreamFixture }> {
  const server = await FakeUpstream.start({ answer, ...(begin && { begin }), login: false })
  const upstream = new UpstreamFixture([server.port], more, pool)
  closers.push(
    () => server.stop(),
    () => upstream.source.close(),
  )
  return { server, upstream }
}

/** How a statement ended, and the client's error message. */
async function endOf(upstream: UpstreamFixture, sql: string): Promise<{ code: string; message: string }> {
  try {
    for await (const frames of (await upstream.run(sql)).frames) for (const each of frames) each.release?.()
    return { code: 'OK', message: '' }
  } catch (error) {
    const { code, message } = GatewayError.from(error)
    return { code, message }
  }
}

const never = () => false

describe('an upstream that closes its connections', () => {
  const refuse = (socket: Socket) => socket.write(Buffer.concat([opening, goaway(0)]))
  const cases: readonly {
    readonly more: Partial<FlightSqlConfig>
    readonly begin: (socket: Socket) => void
    readonly answer: (call: UpstreamCall) => boolean
    readonly says: string
  }[] = [
    { more: noLogin, begin: refuse, answer: never, says: 'GOAWAY' },
    // The same, before the login.
    { more: {}, begin: refuse, answer: never, says: 'GOAWAY' },
    {
      more: noLogin,
      begin: (socket) => socket.write(opening),
      answer: (call) => call.send(goaway(0)) || true,
      says: 'GOAWAY',
    },
    // Without GOAWAY.
    { more: noLogin, begin: (socket) => socket.end(opening), answer: never, says: 'closed the connection' },
  ]

  it('upstream closes connections at once or at the first call: few retries with backoff, and it serves again once it recovers', async () => {
    const hold = async ({ more, begin, answer, says }: (typeof cases)[number]) => {
      let isBad = true
      const { server, upstream } = await open(
        (call) => isBad && answer(call),
        (socket) => (isBad ? begin(socket) : socket.write(opening)),
        more,
        // Callers that wait longer would open further connections after the measured time.
        { acquireTimeoutMs: 3000 },
      )
      const first = await endOf(upstream, 'x')
      expect([first.code, first.message]).toEqual(['SOURCE_UNAVAILABLE', expect.stringContaining(says)])
      expect(server.counts.connections).toBeLessThanOrEqual(2)
      const until = Date.now() + 1500
      const ask = async () => {
        while (Date.now() < until) await endOf(upstream, 'x')
      }
      await Promise.all(Array.from({ length: 8 }, ask))
      expect(server.counts.connections).toBeLessThanOrEqual(20)
      isBad = false
      await expect.poll(async () => (await endOf(upstream, 'x')).code).toBe('OK')
    }
    await Promise.all(cases.map(hold))
  })

  it('upstream sends GOAWAY after each call: clients see no error, breaker stays closed', async () => {
    const { upstream, server } = await open((call) => {
      // Not after the login: such a server would accept no statement.
      if (call.method !== 'Handshake') setImmediate(() => call.send(goaway(LAST_STREAM)))
      return false
    })
    for (let i = 0; i < 20; i++) expect((await endOf(upstream, 'x')).code).toBe('OK')
    expect(upstream.events.breaker).toEqual([])
    expect(server.counts.connections).toBeGreaterThan(10)
  })

  it.each(['PING', 'SETTINGS', 'empty DATA'])(
    'upstream floods with %s: the gateway closes the connection, client gets SOURCE_UNAVAILABLE, breaker opens',
    async (what) => {
      const { upstream } = await open((call) => {
        if (call.method !== 'GetFlightInfo') return false
        const bytes = {
          PING: frame(FrameType.ping, 0, 0, Buffer.alloc(8)),
          SETTINGS: frame(FrameType.settings, 0, 0, Buffer.alloc(0)),
          'empty DATA': call.dataFrames(Buffer.alloc(0)),
        }[what]!
        call.send(call.headersFrame())
        void call.repeat(Buffer.concat(Array<Buffer>(1000).fill(bytes)))
        return true
      })
      for (let i = 0; i < 4; i++) expect((await endOf(upstream, 'x')).code).toBe('SOURCE_UNAVAILABLE')
      expect(upstream.events.breaker).toEqual(['open'])
    },
  )
})

describe('an oversized or malformed answer is no outage, breaker stays closed:', () => {
  const long = (length: number) => `no such column ${'x'.repeat(length)}`
  const notAscii = encodeURIComponent(`no such column ${'é'.repeat(20_000)}`)

  it.each([
    ['an error text of 100 KB', long(100_000), 'BAD_SQL', true],
    ['an error text of 120 KB that is not ASCII', notAscii, 'BAD_SQL', true],
    ['an error text of 400 KB', long(400_000), 'BAD_SQL', true],
    ['an error text above the header limit', long(540_000), 'BAD_SQL', true],
    ['an error text above the header block limit', long(2 << 20), 'UPSTREAM_TOO_LARGE', false],
  ])('%s', async (_what, text, code, staysConnected) => {
    const { server, upstream } = await open((call) => {
      if (!call.sql.includes('bad')) return false
      if (call.sql.includes('trailers')) call.send(call.headersFrame(), call.trailersFrame(3, text))
      else
        call.send(
          call.headersFrame(
            [
              ['grpc-status', '3'],
              ['grpc-message', text],
            ],
            true,
          ),
        )
      return true
    })
    for (let i = 0; i < 8; i++) {
      const bad = await endOf(upstream, i % 2 ? 'bad trailers' : 'bad')
      expect(bad.code).toBe(code)
      expect(Buffer.byteLength(bad.message)).toBeLessThan(4100)
    }
    expect((await endOf(upstream, 'x')).code).toBe('OK')
    expect([upstream.events.breaker, upstream.events.retries]).toEqual([[], []])
    if (staysConnected) expect(server.counts.connections).toBe(1)
  })

  it('initial headers above the limit: client gets UPSTREAM_TOO_LARGE', async () => {
    const { server, upstream } = await open((call) => {
      if (!call.sql.includes('bad')) return false
      call.send(
        call.headersFrame([['x', 'y'.repeat(540_000)]]),
        call.messageFrames(infoOf(['x'])),
        call.trailersFrame(0),
      )
      return true
    })
    for (let i = 0; i < 8; i++) expect((await endOf(upstream, 'bad')).code).toBe('UPSTREAM_TOO_LARGE')
    expect((await endOf(upstream, 'x')).code).toBe('OK')
    expect([upstream.events.breaker, server.counts.connections]).toEqual([[], 1])
  })

  it.each([
    ['a result without a schema', (call: UpstreamCall) => [call.messageFrames(batchMessage), call.trailersFrame(0)]],
    [
      'a result truncated in a message',
      (call: UpstreamCall) => [
        call.messageFrames(schemaMessage),
        call.dataFrames(Buffer.alloc(3)),
        call.trailersFrame(0),
      ],
    ],
    [
      'a compressed message',
      (call: UpstreamCall) => [call.dataFrames(Buffer.from([1, 0, 0, 0, 1, 0])), call.trailersFrame(0)],
    ],
    [
      'thousands of empty messages',
      (call: UpstreamCall) => [
        call.messageFrames(schemaMessage),
        ...Array<Buffer>(11_000).fill(call.dataFrames(Buffer.alloc(5))),
      ],
    ],
  ])('%s', async (_what, answer) => {
    const { upstream } = await open((call) => {
      if (call.method !== 'DoGet' || !call.sql.includes('bad')) return false
      call.send(call.headersFrame(), ...answer(call))
      return true
    })
    for (let i = 0; i < 8; i++) expect((await endOf(upstream, 'bad')).code).toBe('UPSTREAM_DATA')
    expect((await endOf(upstream, 'x')).code).toBe('OK')
    expect(upstream.events.breaker).toEqual([])
  })

  it.each([
    ['a million endpoints', infoOf(Array<string>(1_000_000).fill('')), 'parts'],
    ['tickets of 3 MiB', infoOf(Array<string>(3).fill('t'.repeat(1 << 20))), 'tickets'],
    // Half a million empty locations in one endpoint.
    [
      'an endpoint of many locations',
      Buffer.concat([Buffer.from([0x1a, 0xc0, 0x84, 0x3d]), Buffer.alloc(1_000_000, '\u0012\u0000', 'latin1')]),
      'fields',
    ],
  ])('%s', async (_what, info, reason) => {
    const { upstream } = await open((call) => {
      if (call.method !== 'GetFlightInfo' || !call.sql.includes('bad')) return false
      call.send(call.headersFrame(), call.messageFrames(info), call.trailersFrame(0))
      return true
    })
    for (let i = 0; i < 6; i++) {
      const { code, message } = await endOf(upstream, 'bad')
      expect([code, message]).toEqual(['UPSTREAM_TOO_LARGE', expect.stringContaining(reason)])
    }
    expect((await endOf(upstream, 'x')).code).toBe('OK')
    expect([upstream.events.breaker, upstream.events.destroyed]).toEqual([[], []])
  })
})

describe('an upstream that sets endless cookies', () => {
  it('gets back the latest 50, up to 8 KiB', async () => {
    const sent: string[] = []
    let n = 0
    const { upstream } = await open((call) => {
      sent.push(String(call.headers['cookie'] ?? ''))
      if (call.method !== 'GetFlightInfo') return false
      const cookies = Array.from({ length: 1000 }, (): [string, string] => ['set-cookie', `c${n++}=${'v'.repeat(100)}`])
      cookies.unshift(['set-cookie', `huge=${'h'.repeat(100_000)}`])
      call.send(call.headersFrame(cookies), call.messageFrames(infoOf([call.sql])), call.trailersFrame(0))
      return true
    })
    for (let i = 0; i < 10; i++) expect((await endOf(upstream, 'x')).code).toBe('OK')
    const last = sent.at(-1)!
    expect(last.length).toBeLessThanOrEqual(8192)
    expect(last.split('; ')).toHaveLength(50)
    expect(last).toContain(`c${n - 1}=`)
    expect(last).not.toContain('huge')
  })
})

it('upstream overflows a stream window: that call ends, the connection stays', async () => {
  const { server, upstream } = await open((call) => {
    if (!call.sql.includes('bad')) return false
    call.send(numberFrame(FrameType.windowUpdate, call.streamId, 2 ** 31 - 1))
    return true
  })
  expect((await endOf(upstream, 'bad')).code).toBe('SOURCE_UNAVAILABLE')
  expect((await endOf(upstream, 'x')).code).toBe('OK')
  expect(server.counts.connections).toBeLessThanOrEqual(3)
})
