import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import * as grpc from '@grpc/grpc-js'
import { Field, Int32, Schema, Table, tableToIPC } from 'apache-arrow'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { HealthCheckRequest, HealthCheckResponse } from '../../gen/grpc/health/v1/health.ts'
import { ServerReflectionRequest, ServerReflectionResponse } from '../../gen/grpc/reflection/v1/reflection.ts'
import { frameOf } from '../../src/arrow/ipc/frame.ts'
import { readStream } from '../../src/arrow/ipc/ipc.ts'
import { anonymous } from '../../src/auth/authenticator.ts'
import { FrameSender } from '../../src/fronts/grpc/frame-sender.ts'
import type { GrpcCall } from '../../src/grpc/server/call.ts'
import { healthMethods } from '../../src/grpc/server/health.ts'
import type { Methods } from '../../src/grpc/server/method.ts'
import { reflectionMethods } from '../../src/grpc/server/reflection/reflection.ts'
import { type GrpcLimits, GrpcServer, type GrpcServerOptions } from '../../src/grpc/server/server.ts'
import type { HeaderFields } from '../../src/http2/hpack/header-decoder.ts'
import { ProcessReadiness } from '../../src/ops/readiness.ts'
import { GatewayError } from '../../src/query/errors.ts'
import { burn, longestTurnMs } from '../cpu-time.ts'
import { limits } from './server-limits.ts'

const same = (bytes: Buffer) => bytes
/** Flatbuffer message of a schema. */
const schemaMessage = () => {
  const table = new Table(new Schema([new Field('n', new Int32())]), [])
  return [...readStream(tableToIPC(table, 'stream'))][0]!.header
}
const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})

interface Ended {
  readonly path: string
  readonly code: string
}

async function serve(
  methods: Methods,
  changes: Partial<GrpcLimits> = {},
  authenticate: GrpcServerOptions['authenticate'] = () => anonymous,
) {
  const ended: Ended[] = []
  const onEnd = (call: GrpcCall, error?: GatewayError) => ended.push({ path: call.path, code: error?.code ?? 'OK' })
  const server = new GrpcServer({ methods, authenticate, limits: { ...limits, ...changes }, observer: { onEnd } })
  const { port } = await server.listen('127.0.0.1', 0)
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  })
  closers.push(
    () => server.close(),
    () => client.close(),
  )
  const unary = (path: string, request: Buffer, options: grpc.CallOptions = {}, metadata = new grpc.Metadata()) =>
    new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(path, same, same, request, metadata, options, (error, answer) =>
        error ? reject(error) : resolve(answer!),
      )
    })
  return { server, client, port, ended, unary }
}

const echo: Methods = {
  '/t/Echo': { kind: 'unary', handle: (request) => request },
  '/t/Fail': {
    kind: 'unary',
    handle() {
      throw new GatewayError('UNKNOWN_OBJECT', 'No “x” here.')
    },
  },
  '/t/Crash': { kind: 'unary', handle: async () => JSON.parse('{') },
}

describe('unary calls', () => {
  it('get an answer, also to an empty message', async () => {
    const { unary } = await serve(echo)
    expect(String(await unary('/t/Echo', Buffer.from('hello')))).toBe('hello')
    expect((await unary('/t/Echo', Buffer.alloc(0))).length).toBe(0)
  })

  it('get errors of the error table, and no detail of an internal crash', async () => {
    const { unary, ended } = await serve(echo)
    await expect(unary('/t/Fail', Buffer.alloc(1))).rejects.toMatchObject({ code: 5, details: 'No “x” here.' })
    const crash = await unary('/t/Crash', Buffer.alloc(1)).catch((error) => error)
    expect(crash.code).toBe(13)
    expect(crash.details).not.toMatch(/JSON/)
    await expect(unary('/t/Nothing', Buffer.alloc(1))).rejects.toMatchObject({ code: 12 })
    expect(ended.map(({ code }) => code)).toEqual(['UNKNOWN_OBJECT', 'INTERNAL', 'UNIMPLEMENTED'])
  })

  it.each(['__proto__', 'constructor', 'toString', '/t'])('to the path %s end with UNIMPLEMENTED', async (path) => {
    const { port, unary, ended } = await serve(echo)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
    const fields = new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve))
    stream.end(Buffer.alloc(5))
    expect((await fields)['grpc-status']).toBe('12')
    await expect.poll(() => ended).toEqual([{ path, code: 'UNIMPLEMENTED' }])
    session.destroy()
    expect(String(await unary('/t/Echo', Buffer.from('alive')))).toBe('alive')
  })

  it('with a message above the limit are refused; the server keeps serving', async () => {
    const { unary } = await serve(echo)
    await expect(unary('/t/Echo', Buffer.alloc(5_000_000))).rejects.toMatchObject({ code: 8 })
    expect(String(await unary('/t/Echo', Buffer.from('still here')))).toBe('still here')
  })

  it('may use gzip; corrupt gzip fails that call alone', async () => {
    const { port } = await serve(echo)
    const send = (body: Buffer) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const session = connectHttp2(`http://127.0.0.1:${port}`)
        const stream = session.request({
          ':method': 'POST',
          ':path': '/t/Echo',
          'content-type': 'application/grpc',
          'grpc-encoding': 'gzip',
          te: 'trailers',
        })
        const prefix = Buffer.from([1, 0, 0, 0, body.length])
        let status: Record<string, unknown> = {}
        stream.on('response', (headers) => {
          status = { ...headers }
        })
        stream.on('trailers', (trailers) => {
          status = { ...status, ...trailers }
        })
        stream.on('close', () => {
          session.close()
          resolve(status)
        })
        stream.on('error', reject)
        stream.resume()
        stream.end(Buffer.concat([prefix, body]))
      })
    expect((await send(gzipSync('hello')))['grpc-status']).toBe('0')
    expect((await send(Buffer.from('not gzip')))['grpc-status']).toBe('3')
  })
})

describe('deadlines', () => {
  const waits: Methods = {
    '/t/Wait': {
      kind: 'unary',
      handle: (_request, call) =>
        new Promise((_resolve, reject) => {
          call.signal.addEventListener('abort', () => reject(call.signal.reason))
        }),
    },
  }

  it('come from the client, are capped by the server, and abort the handler', async () => {
    const own = await serve(waits)
    // A client with a clock of its own might give up before the call has reached the server.
    const session = connectHttp2(`http://127.0.0.1:${own.port}`)
    closers.push(() => session.destroy())
    const headers = { ':method': 'POST', ':path': '/t/Wait', 'content-type': 'application/grpc', 'grpc-timeout': '50m' }
    const stream = session.request(headers)
    const fields = new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve))
    stream.end(Buffer.alloc(5))
    expect((await fields)['grpc-status']).toBe('4')
    await expect.poll(() => own.ended).toEqual([{ path: '/t/Wait', code: 'DEADLINE' }])
    const { unary, ended } = await serve(waits, { maxDeadlineMs: 100 })
    await expect(unary('/t/Wait', Buffer.alloc(0), { deadline: Date.now() + 90_000 })).rejects.toMatchObject({
      code: 4,
    })
    await expect.poll(() => ended).toEqual([{ path: '/t/Wait', code: 'DEADLINE' }])
  })

  it('of a thousand hours do not overflow', async () => {
    const { unary } = await serve(echo, { maxDeadlineMs: 1e12 })
    const deadline = Date.now() + 1000 * 3_600_000
    expect(String(await unary('/t/Echo', Buffer.from('x'), { deadline }))).toBe('x')
  })
})

describe('streams', () => {
  const total = Buffer.from('64')
  const endless = Buffer.from('100000')
  let sent = 0
  const source: Methods = {
    '/t/Stream': {
      kind: 'serverStream',
      async handle(request, call) {
        const total = Number(String(request))
        for (sent = 0; sent < total; sent++) await call.send(frameOf(Buffer.from('h'), Buffer.alloc(1 << 18, sent), 1))
        await call.flushed()
      },
    },
    '/t/Sum': {
      kind: 'bidi',
      async handle(requests, call) {
        let bytes = 0
        for await (const request of requests) bytes += request.length
        await call.sendMessage(Buffer.from(String(bytes)))
      },
    },
  }

  it('deliver every message', async () => {
    const { client, ended } = await serve(source)
    const stream = client.makeServerStreamRequest('/t/Stream', same, same, total)
    let messages = 0
    for await (const message of stream) {
      expect((message as Buffer).at(-1)).toBe(messages++)
    }
    expect(messages).toBe(64)
    expect(ended).toEqual([{ path: '/t/Stream', code: 'OK' }])
  })

  it('client does not read: the handler pauses at the buffer bound, the call ends at the stall limit', async () => {
    const { server, port, ended } = await serve(source, { stallTimeoutMs: 300 })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({ ':method': 'POST', ':path': '/t/Stream', 'content-type': 'application/grpc' })
    const reset = new Promise<number | undefined>((resolve) =>
      stream.on('error', () => {}).once('close', () => resolve(stream.rstCode)),
    )
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, endless.length]), endless]))
    await expect.poll(() => ended.map(({ code }) => code)).toEqual(['STALLED'])
    expect(sent).toBeLessThan(10)
    await expect.poll(() => server.inFlightBytes).toBe(0)
    stream.resume()
    expect(await reset).toBe(11)
    session.destroy()
  })

  it('stop when the client cancels', async () => {
    const { server, client, ended } = await serve(source)
    const stream = client.makeServerStreamRequest('/t/Stream', same, same, endless)
    stream.on('error', () => {})
    stream.once('data', () => stream.cancel())
    await expect.poll(() => ended.map(({ code }) => code)).toEqual(['CANCELLED'])
    await expect.poll(() => server.inFlightBytes).toBe(0)
    expect(server.callCount).toBe(0)
  })

  it('accept uploads of many messages', async () => {
    const { client } = await serve(source)
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const stream = client.makeBidiStreamRequest('/t/Sum', same, same)
      stream.on('data', resolve)
      stream.on('error', reject)
      for (let i = 0; i < 100; i++) stream.write(Buffer.alloc(50_000))
      stream.end()
    })
    expect(String(answer)).toBe('5000000')
  })
})

describe('many small messages', () => {
  const numbered = (count: number) =>
    Buffer.concat(
      Array.from({ length: count }, (_, i) => {
        const message = Buffer.from([0, 0, 0, 0, 4, 0, 0, 0, 0])
        message.writeUInt32BE(i, 5)
        return message
      }),
    )

  it('reach a slow reader in order, and are buffered at close to their size', async () => {
    const COUNT = 50_000
    let heldBytes = 0
    let expected = 0
    const { promise: allArrived, resolve: onAllArrived } = Promise.withResolvers<void>()
    const { server, port } = await serve({
      '/t/Slow': {
        kind: 'bidi',
        async handle(requests) {
          await allArrived
          heldBytes = server.requestMemoryBytes
          for await (const message of requests) expect(message.readUInt32BE()).toBe(expected++)
        },
      },
    })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const stream = session.request({ ':method': 'POST', ':path': '/t/Slow', 'content-type': 'application/grpc' })
    // The answer to a PING comes after all that was sent before it.
    stream.once('finish', () => session.ping(() => onAllArrived()))
    stream.resume().end(numbered(COUNT))
    await new Promise((resolve) => stream.once('close', resolve))
    expect(expected).toBe(COUNT)
    expect(heldBytes).toBeGreaterThan(9 * COUNT * 0.9)
    expect(heldBytes).toBeLessThan(9 * COUNT * 1.5)
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('of many calls do not starve timers', async () => {
    const { port } = await serve({
      '/t/Busy': {
        kind: 'bidi',
        async handle(requests) {
          for await (const _ of requests) burn(0.1)
        },
      },
    })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const call = () => {
      const stream = session.request({ ':method': 'POST', ':path': '/t/Busy', 'content-type': 'application/grpc' })
      stream.resume().end(numbered(1000))
      return new Promise((resolve) => stream.once('close', resolve))
    }
    const slowestMs = await longestTurnMs(() => Promise.all(Array.from({ length: 20 }, call)))
    // Two seconds of work in total.
    expect(slowestMs).toBeLessThan(500)
  })
})

describe('authentication', () => {
  it('happens once, before the body arrives; unknown callers get UNAUTHENTICATED', async () => {
    const seen: unknown[] = []
    let asked = 0
    const authenticate = (headers: HeaderFields) => {
      asked++
      if (headers['x-api-key'] !== 'good') throw new GatewayError('UNAUTHENTICATED')
      return { name: 'dash', roles: [] }
    }
    const methods: Methods = {
      '/t/Who': {
        kind: 'bidi',
        async handle(_, call) {
          seen.push(call.principal.name)
        },
      },
      '/t/Open': {
        kind: 'bidi',
        open: true,
        async handle(_, call) {
          seen.push(call.isAuthenticated)
        },
      },
    }
    const { port } = await serve(methods, {}, authenticate)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const statusOf = (path: string, key: string) =>
      new Promise((resolve) => {
        const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', 'x-api-key': key }
        const stream = session.request(headers)
        stream.on('response', (fields) => fields['grpc-status'] && resolve(fields['grpc-status']))
        stream.on('trailers', (fields) => resolve(fields['grpc-status']))
        stream.resume().on('error', () => {})
      })
    expect(await statusOf('/t/Who', 'good')).toBe('0')
    expect(await statusOf('/t/Who', 'bad')).toBe('16')
    expect(await statusOf('/t/Open', 'bad')).toBe('0')
    expect(seen).toEqual(['dash', false])
    expect(asked).toBe(2)
  })
})

describe('uploads that are refused early', () => {
  it('leave no open stream, however many are refused', async () => {
    const methods: Methods = {
      '/t/Refuse': {
        kind: 'bidi',
        async handle(requests) {
          await requests.next()
          throw new GatewayError('BAD_REQUEST')
        },
      },
    }
    const { client } = await serve(methods, { maxStreamsPerConnection: 10 })
    for (let i = 0; i < 50; i++) {
      const code = await new Promise<number>((resolve) => {
        const stream = client.makeBidiStreamRequest('/t/Refuse', same, same)
        stream.on('error', () => {})
        stream.on('status', ({ code }) => resolve(code))
        for (let n = 0; n < 5; n++) stream.write(Buffer.alloc(1000))
        stream.end()
      })
      expect(code).toBe(3)
    }
  })
})

describe('buffered data', () => {
  const windowless = (port: number, settings: object) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`, { settings }).on('error', () => {})
    closers.push(() => session.destroy())
    const call = (path: string) => {
      const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
      stream.on('error', () => {})
      return stream
    }
    return { session, call }
  }
  const prefixed = (length: number) => Buffer.from([0, 0, 0, length >> 8, length & 0xff])

  it('client never opens its window: an answer is dropped at the stall limit', async () => {
    const { port } = await serve(echo, { stallTimeoutMs: 200 })
    const { call } = windowless(port, { initialWindowSize: 0 })
    const stream = call('/t/Echo')
    stream.end(Buffer.concat([prefixed(3), Buffer.from('abc')]))
    stream.resume()
    await new Promise((resolve) => stream.once('close', resolve))
    expect(stream.rstCode).toBe(11)
  })

  const statusOf = (stream: ReturnType<ReturnType<typeof windowless>['call']>) =>
    new Promise((resolve) => {
      stream.on('response', (fields) => resolve(fields['grpc-status']))
      stream.resume()
    })

  it('request never completes: ends with DEADLINE at the stall limit, and its memory is free again', async () => {
    const { server, port, ended } = await serve(echo, { stallTimeoutMs: 300 })
    const stream = windowless(port, {}).call('/t/Echo')
    stream.write(Buffer.concat([prefixed(60_000), Buffer.alloc(30_000)]))
    expect(await statusOf(stream)).toBe('4')
    await expect.poll(() => ended.map(({ code }) => code)).toEqual(['DEADLINE'])
    stream.destroy()
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('requests never complete and memory is short: the oldest ends at once', async () => {
    const { port, ended } = await serve(echo, { maxRequestMemoryBytes: 100_000 })
    const { call } = windowless(port, {})
    const [first, second] = [call('/t/Echo'), call('/t/Echo')]
    const statuses = [first, second].map(statusOf)
    for (const stream of [first, second]) stream.write(Buffer.concat([prefixed(60_000), Buffer.alloc(30_000)]))
    expect(await statuses[0]).toBe('8')
    const third = call('/t/Echo')
    third.end(Buffer.concat([prefixed(40_000), Buffer.alloc(40_000)]))
    const length = new Promise((resolve) => {
      let got = 0
      third.on('data', (chunk: Buffer) => {
        got += chunk.length
      })
      third.on('end', () => resolve(got))
    })
    expect(await length).toBe(40_005)
    expect(await statuses[1]).toBe('8')
    await expect.poll(() => ended.map(({ code }) => code)).toEqual(['QUEUE_FULL', 'QUEUE_FULL', 'OK'])
  })

  it('metadata counts as memory: calls above the connection’s share are refused, then the connection is closed', async () => {
    // How many refusals end the connection is a rate.
    vi.useFakeTimers({ toFake: ['Date'] })
    const waits: Methods = { '/t/Wait': { kind: 'bidi', handle: () => new Promise(() => {}) } }
    const { server, port } = await serve(waits, { maxRequestMemoryBytes: 1_000_000, maxInboundMessageBytes: 4096 })
    const { session } = windowless(port, {})
    const statuses: unknown[] = []
    const open = (count: number) => {
      const headers = { ':method': 'POST', ':path': '/t/Wait', 'content-type': 'application/grpc' }
      for (const i of Array(count).keys()) {
        statuses[i] = 'open'
        const stream = session.request({ ...headers, 'x-large': 'a'.repeat(20_000) }).on('error', () => {})
        stream.on('response', (fields) => {
          statuses[i] = fields['grpc-status']
        })
      }
    }
    open(20)
    // 250,000 bytes, of which each call takes 22,000.
    await expect.poll(() => statuses).toEqual([...Array(11).fill('open'), ...Array(9).fill('8')])
    expect(server.requestMemoryBytes).toBeGreaterThan(220_000)
    expect(server.requestMemoryBytes).toBeLessThanOrEqual(250_000)
    const code = new Promise((resolve) => session.once('goaway', resolve))
    open(100)
    expect(await code).toBe(11)
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('client’s window is closed: buffered answers are bounded', async () => {
    let sent = 0
    const { server, port } = await serve({
      '/t/Answers': {
        kind: 'bidi',
        async handle(_, call) {
          for (; ; sent++) await call.sendMessage(Buffer.alloc(10_000))
        },
      },
    })
    const { session, call } = windowless(port, { initialWindowSize: 0 })
    call('/t/Answers')
    await expect.poll(() => sent).toBe(6)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(sent).toBe(6)
    expect(server.requestMemoryBytes).toBeGreaterThanOrEqual(60_000)
    session.destroy()
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('client’s window is closed: a unary answer counts as memory until it is sent', async () => {
    const { server, port } = await serve(
      { '/t/Large': { kind: 'unary', handle: () => Buffer.alloc(600_000) } },
      { maxRequestMemoryBytes: 4_000_000, maxInboundMessageBytes: 4096 },
    )
    const { session, call } = windowless(port, { initialWindowSize: 0 })
    const codes: (number | undefined)[] = []
    const streams = Array.from({ length: 3 }, () => {
      const stream = call('/t/Large')
      stream.on('close', () => codes.push(stream.rstCode))
      stream.end(prefixed(0))
      return stream
    })
    // Only one answer fits into the million bytes of its connection.
    await expect.poll(() => codes).toEqual([11, 11])
    expect(server.requestMemoryBytes).toBeLessThan(1_000_000)
    let got = 0
    streams[0]!.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    session.settings({ initialWindowSize: 1 << 20 })
    await expect.poll(() => got).toBe(600_005)
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('compressed requests: one message per connection is decompressed at a time, within its memory', async () => {
    const { server, port } = await serve(
      { '/t/Take': { kind: 'unary', handle: (request) => Buffer.from(String(request.length)) } },
      { maxRequestMemoryBytes: 4 << 20, maxInboundMessageBytes: 2 << 20 },
    )
    let mostBytes = 0
    const watch = setInterval(() => {
      mostBytes = Math.max(mostBytes, server.requestMemoryBytes)
    }, 1)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const bomb = gzipSync(Buffer.alloc((1 << 20) + 12_345))
    const prefix = Buffer.from([1, 0, 0, bomb.length >> 8, bomb.length & 0xff])
    const answers = Array.from({ length: 30 }, () => {
      const headers = { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' }
      const stream = session.request({ ':method': 'POST', ':path': '/t/Take', ...headers })
      stream.end(Buffer.concat([prefix, bomb]))
      return new Promise<string>((resolve) => {
        let body = ''
        stream.on('data', (chunk: Buffer) => {
          body += chunk.toString('latin1', 5)
        })
        stream.on('end', () => resolve(body))
      })
    })
    expect(new Set(await Promise.all(answers))).toEqual(new Set([String((1 << 20) + 12_345)]))
    clearInterval(watch)
    expect(mostBytes).toBeLessThan(3 << 20)
    await expect.poll(() => server.requestMemoryBytes).toBe(0)
  })

  it('a frame that cannot be split holds its memory until the client has read it', async () => {
    let released = false
    const { port } = await serve({
      '/t/Whole': {
        kind: 'serverStream',
        async handle(_, call) {
          const sender = new FrameSender(call, { maxOutboundMessageBytes: 1024, maxRowBytes: 1024 })
          await sender.send(frameOf(Buffer.alloc(8), Buffer.alloc(0), 0))
          const release = () => {
            released = true
          }
          // Not a record batch, so it is sent unsplit.
          await sender.send({ ...frameOf(schemaMessage(), Buffer.alloc(20_000, 7), 0), release })
        },
      },
    })
    const { session, call } = windowless(port, { initialWindowSize: 1000 })
    const stream = call('/t/Whole')
    stream.end(prefixed(0))
    await new Promise((resolve) => stream.once('response', resolve))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(released).toBe(false)
    session.settings({ initialWindowSize: 1 << 20 })
    stream.resume()
    await expect.poll(() => released).toBe(true)
  })
})

describe('connections', () => {
  it('that never send a byte are closed', async () => {
    const { port } = await serve(echo, { keepaliveTimeMs: 50, keepaliveTimeoutMs: 50 })
    const socket = connectTcp(port, '127.0.0.1')
    await new Promise((resolve) =>
      socket
        .once('close', resolve)
        .on('error', () => {})
        .resume(),
    )
    expect(socket.destroyed).toBe(true)
  })

  it('that are idle get GOAWAY, and clients reconnect', async () => {
    const { server, unary } = await serve(echo, { connectionIdleMs: 60 })
    await unary('/t/Echo', Buffer.from('a'))
    await expect.poll(() => server.connectionCount).toBe(0)
    expect(String(await unary('/t/Echo', Buffer.from('b')))).toBe('b')
  })

  it('without an HTTP/2 preface in time are closed, others stay open', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { port, unary } = await serve(echo, { handshakeTimeoutMs: 100, keepaliveTimeoutMs: 200 })
    const silent = connectTcp(port, '127.0.0.1').resume()
    await unary('/t/Echo', Buffer.alloc(1))
    vi.setSystemTime(Date.now() + 100)
    await new Promise((resolve) => silent.once('close', resolve))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(String(await unary('/t/Echo', Buffer.from('still here')))).toBe('still here')
  })

  it('above the maximum age are drained, and no call is lost', async () => {
    const peers = new Set<string>()
    const methods: Methods = {
      '/t/Slow': {
        kind: 'unary',
        async handle(request, { peer }) {
          peers.add(peer)
          await new Promise((resolve) => setTimeout(resolve, 50))
          return request
        },
      },
    }
    const { unary, ended } = await serve(methods, { connectionAgeMs: 100, connectionIdleMs: 80 })
    for (let i = 0; i < 20; i++) {
      const calls = Array.from({ length: 5 }, (_, call) => unary('/t/Slow', Buffer.of(call)))
      expect((await Promise.all(calls)).map((answer) => answer[0])).toEqual([0, 1, 2, 3, 4])
    }
    expect(peers.size).toBeGreaterThan(2)
    await expect.poll(() => ended.filter(({ code }) => code === 'OK')).toHaveLength(100)
  })

  it('survive a flood of resets on another connection', async () => {
    const { port, unary } = await serve(echo)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    for (let i = 0; i < 2000 && !session.destroyed; i++) {
      const stream = session.request({ ':method': 'POST', ':path': '/t/Echo', 'content-type': 'application/grpc' })
      stream.on('error', () => {})
      stream.close(8)
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(String(await unary('/t/Echo', Buffer.from('alive')))).toBe('alive')
    session.destroy()
  })

  it('that send random bytes do not harm others', async () => {
    const { port, unary } = await serve(echo)
    for (let i = 0; i < 50; i++) {
      const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
      const noise = Buffer.from(Array.from({ length: 200 }, () => Math.floor(Math.random() * 256)))
      socket.write(i % 2 ? Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), noise]) : noise)
      socket.end()
      socket.resume()
    }
    expect(String(await unary('/t/Echo', Buffer.from('alive')))).toBe('alive')
  })
})

describe('closing', () => {
  it('ends running calls and reports how many', async () => {
    const methods: Methods = {
      '/t/Never': { kind: 'unary', handle: () => new Promise(() => {}) },
      '/t/Watch': { kind: 'unary', background: true, handle: () => new Promise(() => {}) },
    }
    const { server, unary } = await serve(methods)
    const ended = ['/t/Never', '/t/Watch'].map((path) => unary(path, Buffer.alloc(0)).catch((error) => error))
    await expect.poll(() => server.callCount).toBe(1)
    expect(await server.close()).toBe(1)
    for (const { code } of await Promise.all(ended)) expect([1, 14]).toContain(code)
    await expect(unary('/t/Never', Buffer.alloc(0))).rejects.toMatchObject({ code: 14 })
  })
})

describe('health and reflection', () => {
  it('report readiness and stream its changes', async () => {
    const readiness = new ProcessReadiness()
    const { unary, client } = await serve(healthMethods(['a.Service'], readiness))
    const check = async (service: string) => {
      const answer = await unary(
        '/grpc.health.v1.Health/Check',
        Buffer.from(HealthCheckRequest.encode({ service }).finish()),
      )
      return HealthCheckResponse.decode(answer).status
    }
    expect(await check('')).toBe(2)
    const seen: number[] = []
    const watch = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, Buffer.alloc(0))
    watch.on('data', (bytes) => seen.push(HealthCheckResponse.decode(bytes).status))
    watch.on('error', () => {})
    await expect.poll(() => seen).toEqual([2])
    readiness.set(true)
    await expect.poll(() => seen).toEqual([2, 1])
    expect(await check('a.Service')).toBe(1)
    await expect(check('b.Service')).rejects.toMatchObject({ code: 5 })
    watch.cancel()
  })

  it('list the services', async () => {
    const { client } = await serve(reflectionMethods(new URL('../../gen/descriptors.binpb', import.meta.url)))
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const stream = client.makeBidiStreamRequest(
        '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
        same,
        same,
      )
      stream.on('data', resolve)
      stream.on('error', reject)
      stream.write(Buffer.from([0x3a, 0x01, 0x2a])) // list_services: "*"
      stream.end()
    })
    expect(String(answer)).toContain('arrow.flight.protocol.FlightService')
  })

  /** Sends reflection requests one after another on one stream. */
  const ask = async (methods: Methods, requests: readonly ServerReflectionRequest['messageRequest'][]) => {
    const { client } = await serve(methods)
    return await new Promise<ServerReflectionResponse['messageResponse'][]>((resolve, reject) => {
      const answers: ServerReflectionResponse['messageResponse'][] = []
      const stream = client.makeBidiStreamRequest(
        '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
        same,
        same,
      )
      stream.on('data', (bytes) => answers.push(ServerReflectionResponse.decode(bytes).messageResponse))
      stream.on('error', reject)
      stream.on('end', () => resolve(answers))
      for (const messageRequest of requests)
        stream.write(Buffer.from(ServerReflectionRequest.encode({ host: '', messageRequest }).finish()))
      stream.end()
    })
  }
  const published = new URL('../../gen/descriptors.binpb', import.meta.url)
  /** Names of the files in an answer, or its error. */
  const filesOf = (answer: ServerReflectionResponse['messageResponse']) =>
    answer?.$case === 'fileDescriptorResponse'
      ? answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name)
      : answer

  it('reflection finds files by name and by symbol, with their imports, as they are in the descriptor set', async () => {
    const flight = ['arrow/flight/protocol/Flight.proto', 'google/protobuf/timestamp.proto']
    const sql = ['arrow/flight/protocol/FlightSql.proto']
    const missing = { $case: 'errorResponse', value: { errorCode: 5, errorMessage: 'There is nothing of this name.' } }
    const symbols: readonly (readonly [symbol: string, found: unknown])[] = [
      ['arrow.flight.protocol.FlightService', flight],
      ['arrow.flight.protocol.FlightService.DoGet', flight],
      ['arrow.flight.protocol.FlightData', flight],
      ['arrow.flight.protocol.FlightDescriptor.DescriptorType', flight],
      ['arrow.flight.protocol.sql.SqlInfo', sql],
      ['arrow.flight.protocol.sql.CommandStatementIngest.TableDefinitionOptions.TableExistsOption', sql],
      ['grpc.reflection.v1.ServerReflection.ServerReflectionInfo', ['grpc/reflection/v1/reflection.proto']],
      ['google.protobuf.Timestamp', ['google/protobuf/timestamp.proto']],
      ['arrow.flight.protocol.FlightService.Nothing', missing],
      ['arrow.flight.protocol', missing],
      ['.arrow.flight.protocol.FlightData', missing],
      ['', missing],
    ]
    const answers = await ask(reflectionMethods(published), [
      ...symbols.map(([value]) => ({ $case: 'fileContainingSymbol' as const, value })),
      { $case: 'fileByFilename', value: flight[0]! },
      { $case: 'fileByFilename', value: 'Flight.proto' },
      { $case: 'listServices', value: '*' },
      { $case: 'allExtensionNumbersOfType', value: 'arrow.flight.protocol.FlightData' },
      { $case: 'fileContainingExtension', value: { containingType: 'google.protobuf.Any', extensionNumber: 1 } },
      undefined,
    ])
    expect(answers.slice(0, symbols.length).map(filesOf)).toEqual(symbols.map(([, found]) => found))
    const [byName, ...others] = answers.slice(symbols.length)
    expect(filesOf(byName)).toEqual(flight)
    const set = readFileSync(published)
    for (const bytes of byName?.$case === 'fileDescriptorResponse' ? byName.value.fileDescriptorProto : [])
      expect(set.includes(bytes)).toBe(true)
    const services = [
      'arrow.flight.protocol.FlightService',
      'flightgate.v1.GatewayService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
    ]
    expect(others).toEqual([
      missing,
      { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } },
      {
        $case: 'allExtensionNumbersResponse',
        value: { baseTypeName: 'arrow.flight.protocol.FlightData', extensionNumber: [] },
      },
      missing,
      missing,
    ])
  })

  it('reflection reads the descriptor set again after it could not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-reflection-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'late.binpb')
    const methods = reflectionMethods(pathToFileURL(path))
    const list = [{ $case: 'listServices' as const, value: '*' }]
    await expect(ask(methods, list)).rejects.toMatchObject({ code: expect.any(Number) })
    writeFileSync(path, readFileSync(published))
    expect(await ask(methods, list)).toMatchObject([{ $case: 'listServicesResponse' }])
  })

  it('reflection finds extensions by name, by number and by the message that they extend', async () => {
    const file = create(FileDescriptorProtoSchema, {
      name: 'extended.proto',
      package: 'x',
      syntax: 'proto2',
      messageType: [
        { name: 'Base', extensionRange: [{ start: 100, end: 200 }] },
        { name: 'Outer', extension: [{ name: 'inner', number: 101, type: 5, label: 1, extendee: '.x.Base' }] },
      ],
      extension: [{ name: 'mark', number: 150, type: 9, label: 1, extendee: '.x.Base' }],
    })
    const folder = mkdtempSync(join(tmpdir(), 'flightgate-reflection-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'extended.binpb')
    writeFileSync(path, toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] })))
    const answers = await ask(reflectionMethods(pathToFileURL(path)), [
      { $case: 'fileContainingSymbol', value: 'x.mark' },
      { $case: 'fileContainingSymbol', value: 'x.Outer.inner' },
      { $case: 'fileContainingExtension', value: { containingType: 'x.Base', extensionNumber: 101 } },
      { $case: 'allExtensionNumbersOfType', value: 'x.Base' },
    ])
    expect(answers.slice(0, 3).map(filesOf)).toEqual([['extended.proto'], ['extended.proto'], ['extended.proto']])
    expect(answers[3]).toMatchObject({
      value: {
        baseTypeName: 'x.Base',
        extensionNumber: expect.toSatisfy((all: number[]) => all.toSorted().join() === '101,150'),
      },
    })
  })
})
