import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { HeaderDecoder, type HeaderFields } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { ErrorCode, FrameFlag, FrameType, PREFACE, Setting } from '../../src/http2/protocol.ts'
import { Http2ServerConnection } from '../../src/http2/server-connection.ts'
import type { ServerStream } from '../../src/http2/streams/server-stream.ts'
import { burn, longestTurnMs } from '../cpu-time.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const close of closers.splice(0).reverse()) await close()
})
/** Limits of floods are rates: stops their clock, so that a slow client is none that keeps within them. */
const stopClock = () => vi.useFakeTimers({ toFake: ['Date'] })

const options = { windowBytes: 1 << 16, connectionWindowBytes: 1 << 18, maxStreams: 10, maxHeaderListBytes: 8192 }
const ok = encodeHeaders([[':status', '200']])
const bye = encodeHeaders([['grpc-status', '0']])

type Handler = (stream: ServerStream, fields: HeaderFields, connection: Http2ServerConnection) => void

/** A server with the stream handler that a test gives. */
async function serve(onStream: Handler) {
  const connections: Http2ServerConnection[] = []
  const closed: Http2ServerConnection[] = []
  const server = createServer((socket) => {
    closers.push(() => socket.destroy())
    const connection: Http2ServerConnection = new Http2ServerConnection(socket, options, {
      onStream: (stream, fields) => onStream(stream, fields, connection),
      onStreamClose() {},
      onClose: () => closed.push(connection),
    })
    connections.push(connection)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections, closed }
}

/** Echoes each request. */
const echo: Handler = (stream) => {
  stream.listener = {
    onData(bytes) {
      stream.respond(ok)
      stream.write([Buffer.from(bytes)])
      stream.credit(bytes.length)
    },
    onEnd() {
      stream.respond(ok)
      stream.end(bye)
    },
    onClose() {},
  }
}

interface Seen {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
  readonly fields?: HeaderFields
}

/** A raw client that sends the bytes that a test gives. */
class Client {
  readonly seen: Seen[] = []
  readonly socket: Socket
  ended = false
  #wake = () => {}

  constructor(port: number, preface: Buffer = Buffer.concat([PREFACE, settingsFrame([])])) {
    const decoder = new HeaderDecoder(4096, 1 << 20)
    const push = (seen: Seen) => {
      this.seen.push(seen)
      this.#wake()
    }
    const reader = new FrameReader(1 << 24, {
      onData: (streamId, payload) => push({ type: FrameType.data, flags: 0, streamId, payload: Buffer.from(payload) }),
      onDataEnd() {},
      onFrame: (type, flags, streamId, payload) => {
        const fields = type === FrameType.headers ? { ...decoder.decode(payload) } : undefined
        push({ type, flags, streamId, payload: Buffer.from(payload), ...(fields && { fields }) })
      },
    })
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (bytes: Buffer) => reader.push(bytes))
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.ended = true
      this.#wake()
    })
    this.socket.write(preface)
    closers.push(() => this.socket.destroy())
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** Waits for the next frame of a type. */
  async next(type: number, matches: (seen: Seen) => boolean = () => true): Promise<Seen> {
    for (;;) {
      const found = this.seen.find((each) => each.type === type && matches(each))
      if (found) return found
      if (this.ended)
        throw new Error(`the server has closed after frames of type ${this.seen.slice(-20).map((seen) => seen.type)}`)
      await this.#change()
    }
  }

  async goaway(): Promise<{ code: number; last: number }> {
    const { payload } = await this.next(FrameType.goaway)
    return { last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }
  }

  async end(): Promise<void> {
    while (!this.ended) await this.#change()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

const request = (fields: readonly (readonly [string, string])[] = []) =>
  encodeHeaders([[':method', 'POST'], [':scheme', 'http'], [':path', '/'], [':authority', 'x'], ...fields])
const open = (streamId: number, flags = 0, block = request()) =>
  frame(FrameType.headers, FrameFlag.endHeaders | flags, streamId, block)
const END = FrameFlag.endStream
/** A field with incremental indexing: `x` with a value of this many bytes. */
const remembered = (length: number) => {
  const [first, ...rest] = encodeHeaders([['x', 'y'.repeat(length)]])
  return Buffer.of(0x40 | first!, ...rest)
}

describe('the HTTP/2 server', () => {
  it('sends a node:http2 client more than its windows hold, then trailers', async () => {
    const body = Buffer.from(Array.from({ length: 3 << 20 }, (_, i) => (i * 7) & 0xff))
    let taken = 0
    const { port } = await serve((stream) => {
      stream.respond(ok)
      for (let at = 0; at < body.length; at += 1 << 20)
        stream.write([body.subarray(at, at + 10), body.subarray(at + 10, at + (1 << 20))], () => taken++)
      stream.end(bye)
    })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    const call = session.request({ ':method': 'POST' })
    const got: Buffer[] = []
    let trailers: object = {}
    call.on('data', (chunk: Buffer) => got.push(chunk))
    call.on('trailers', (fields) => {
      trailers = { 'grpc-status': fields['grpc-status'] }
    })
    call.end('hello')
    await new Promise((resolve) => call.on('close', resolve))
    expect(Buffer.concat(got).equals(body)).toBe(true)
    expect(trailers).toEqual({ 'grpc-status': '0' })
    expect(taken).toBe(3)
  })

  it('accepts uploads larger than its windows, also on a connection where it refused a stream', async () => {
    const { port } = await serve((stream, { refuse }) => {
      if (refuse === undefined) echo(stream, {}, undefined as never)
      else stream.reset(ErrorCode.refusedStream)
    })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    closers.push(() => session.destroy())
    for (let i = 0; i < 10; i++) {
      const refused = session.request({ ':method': 'POST', refuse: '1' })
      refused.on('error', () => {})
      refused.write(Buffer.alloc(60_000))
      await new Promise((resolve) => refused.on('close', resolve))
    }
    const call = session.request({ ':method': 'POST' })
    let length = 0
    call.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    call.end(Buffer.alloc(2 << 20))
    await new Promise((resolve) => call.on('close', resolve))
    expect(length).toBe(2 << 20)
  })

  it('one stream’s window is full: other streams of the connection continue', async () => {
    const { port } = await serve((stream) => {
      stream.respond(ok)
      stream.write([Buffer.alloc(200_000, stream.id)])
      stream.end(bye)
    })
    const client = new Client(port)
    client.send(numberFrame(FrameType.windowUpdate, 0, 1 << 30), open(1, END), open(3, END))
    client.send(numberFrame(FrameType.windowUpdate, 3, 1 << 20))
    await client.next(FrameType.headers, ({ streamId, flags }) => streamId === 3 && (flags & END) !== 0)
    const sizeOf = (id: number) =>
      client.seen
        .filter(({ type, streamId }) => type === 0 && streamId === id)
        .reduce((n, s) => n + s.payload.length, 0)
    expect(sizeOf(3)).toBe(200_000)
    expect(sizeOf(1)).toBe(65_535)
  })

  it('answers a small request with one write', async () => {
    const { port } = await serve(echo)
    const client = new Client(port)
    let reads = 0
    client.socket.on('data', () => reads++)
    await client.next(FrameType.settings, ({ flags }) => flags === 1)
    reads = 0
    client.send(open(1), frame(FrameType.data, END, 1, Buffer.from('hi')))
    await client.next(FrameType.headers, ({ flags }) => (flags & END) !== 0)
    expect(reads).toBe(1)
  })

  it('client resets a stream or disconnects: the server releases queued data exactly once', async () => {
    let taken = 0
    const { port, connections } = await serve((stream) => {
      stream.respond(ok)
      stream.write([Buffer.alloc(200_000)], () => taken++)
    })
    const client = new Client(port)
    client.send(open(1, END), open(3, END), open(5, END))
    await client.next(FrameType.data, ({ streamId }) => streamId === 1)
    client.send(numberFrame(FrameType.rstStream, 1, ErrorCode.cancel))
    while (taken === 0) await new Promise(setImmediate)
    expect(taken).toBe(1)
    client.socket.destroy()
    while (!connections[0]!.closed) await new Promise(setImmediate)
    expect(taken).toBe(3)
  })

  it('client resets a partly written stream: its memory stays held until the socket has flushed it', async () => {
    let taken = false
    const { port } = await serve((stream) => {
      stream.respond(ok)
      stream.write([Buffer.alloc(32 << 20)], () => {
        taken = true
      })
    })
    const client = new Client(port)
    await client.next(FrameType.settings, ({ flags }) => flags === 1)
    client.send(numberFrame(8, 0, 1 << 30), open(1, END), numberFrame(8, 1, 1 << 30))
    await client.next(FrameType.data)
    client.socket.pause()
    client.send(numberFrame(FrameType.rstStream, 1, ErrorCode.cancel), open(3, END))
    await new Promise((resolve) => setTimeout(resolve, 300))
    // The memory cannot be reused yet: the socket reads from it when the client resumes.
    expect(taken).toBe(false)
    client.socket.resume()
    await expect.poll(() => taken).toBe(true)
  })

  it('the connection window is scarce: streams share it in turn', async () => {
    const { port } = await serve((stream) => {
      stream.respond(ok)
      stream.write([Buffer.alloc(4 << 20)])
    })
    const client = new Client(port)
    const ids = [1, 3, 5, 7]
    client.send(...ids.flatMap((id) => [open(id, END), numberFrame(8, id, 1 << 30)]))
    const sizes = () =>
      ids.map((id) =>
        client.seen
          .filter(({ type, streamId }) => type === 0 && streamId === id)
          .reduce((n, s) => n + s.payload.length, 0),
      )
    for (let i = 0; i < 8; i++) client.send(numberFrame(8, 0, 1 << 18))
    await expect.poll(() => sizes().reduce((a, b) => a + b)).toBe(65_535 + (8 << 18))
    for (const size of sizes()) expect(size).toBeGreaterThan(256 << 10)
  })

  it.each([0, 2048])(
    'client offers a header table of %i bytes: the server announces that it uses none',
    async (headerTableSize) => {
      const { port } = await serve(echo)
      const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { headerTableSize } })
      closers.push(() => session.destroy())
      await new Promise((resolve) => session.once('localSettings', resolve))
      for (let i = 0; i < 2; i++) {
        const call = session.request({ ':method': 'POST' })
        const answered = new Promise((resolve) => call.on('trailers', (fields) => resolve(fields['grpc-status'])))
        call.end()
        expect(await answered).toBe('0')
      }
    },
  )

  it('shutdown: sends GOAWAY first, serves requests already in flight, ignores later ones', async () => {
    const { port, connections, closed } = await serve(echo)
    const client = new Client(port)
    client.send(open(1))
    await client.next(FrameType.settings, ({ flags }) => flags === 1)
    connections[0]!.close()
    expect(await client.goaway()).toEqual({ last: 2 ** 31 - 1, code: 0 })
    client.send(open(3, END))
    await client.next(FrameType.headers, ({ streamId, flags }) => streamId === 3 && (flags & END) !== 0)
    const { payload } = await client.next(FrameType.ping)
    client.send(frame(FrameType.ping, FrameFlag.ack, 0, payload), open(5, END))
    await client.next(FrameType.goaway, (seen) => seen.payload.readUInt32BE(0) === 3)
    expect(closed).toEqual([])
    client.send(frame(FrameType.data, END, 1, Buffer.alloc(0)))
    await client.end()
    expect(closed).toHaveLength(1)
    expect(client.seen.filter(({ streamId }) => streamId === 5)).toEqual([])
  })

  it.each([
    [
      'without a path',
      encodeHeaders([
        [':method', 'POST'],
        [':scheme', 'http'],
      ]),
    ],
    ['with an unknown pseudo-field', request([[':nothing', 'x']])],
    [
      'with a pseudo-field after regular fields',
      encodeHeaders([
        ['a', 'b'],
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
      ]),
    ],
    ['with a connection-specific header of HTTP/1.1', request([['connection', 'close']])],
    ['with a TE other than trailers', request([['te', 'gzip']])],
  ])('resets a request %s, and keeps the connection', async (_, block) => {
    const { port } = await serve(echo)
    const client = new Client(port)
    client.send(open(1, END, block), open(3, END))
    const { payload } = await client.next(FrameType.rstStream, ({ streamId }) => streamId === 1)
    expect(payload.readUInt32BE(0)).toBe(ErrorCode.protocolError)
    await client.next(FrameType.headers, ({ streamId }) => streamId === 3)
  })

  it('resets requests above the metadata or stream limit, and keeps the connection', async () => {
    const { port } = await serve(echo)
    const client = new Client(port)
    const codeOf = async (id: number) =>
      (await client.next(FrameType.rstStream, ({ streamId }) => streamId === id)).payload.readUInt32BE(0)
    client.send(open(1, END, request([['x', 'y'.repeat(9000)]])))
    expect(await codeOf(1)).toBe(ErrorCode.enhanceYourCalm)
    for (let id = 3; id <= 23; id += 2) client.send(open(id))
    expect(await codeOf(23)).toBe(ErrorCode.refusedStream)
    client.send(frame(FrameType.data, END, 3, Buffer.alloc(0)))
    await client.next(FrameType.headers, ({ streamId }) => streamId === 3)
    client.send(open(25, END))
    await client.next(FrameType.headers, ({ streamId }) => streamId === 25)
  })

  it('metadata far above the limit: resets the request and closes the connection before decoding it all', async () => {
    const { port, closed } = await serve(echo)
    const client = new Client(port)
    const repeated = Buffer.concat([request(), remembered(3900), Buffer.alloc(80, 0xbe)])
    client.send(open(1, END, repeated))
    const reset = await client.next(FrameType.rstStream)
    expect([reset.streamId, reset.payload.readUInt32BE(0)]).toEqual([1, ErrorCode.enhanceYourCalm])
    expect((await client.goaway()).code).toBe(ErrorCode.enhanceYourCalm)
    await client.end()
    expect(closed).toHaveLength(1)
  })

  it('reports the decoded size of each stream’s metadata, also where one byte encodes a whole field', async () => {
    const sizes: number[] = []
    const { port } = await serve((stream) => {
      sizes.push(stream.requestHeaderBytes)
      stream.end(ok)
    })
    const client = new Client(port)
    client.send(open(1, END, Buffer.concat([request(), remembered(2000)])))
    client.send(open(3, END, Buffer.concat([request(), Buffer.of(0xbe, 0xbe, 0xbe)])))
    await client.next(FrameType.headers, ({ streamId }) => streamId === 3)
    const bare = sizes[0]! - 2033
    expect(sizes).toEqual([bare + 2033, bare + 3 * 2033])
  })

  const many = (count: number, one: (i: number) => Buffer) => Array.from({ length: count }, (_, i) => one(i))
  it.each([
    ['speaks HTTP/1.1', ErrorCode.protocolError, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), []],
    [
      'sends more than its window allows',
      ErrorCode.flowControlError,
      undefined,
      [open(1), ...many(5, () => frame(0, 0, 1, Buffer.alloc(16_384)))],
    ],
    [
      'resets streams as fast as it opens them',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(8000, (i) => Buffer.concat([open(2 * i + 1), numberFrame(3, 2 * i + 1, 8)])),
    ],
    [
      'makes the server reset its streams',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(8000, (i) => Buffer.concat([open(2 * i + 1), numberFrame(8, 2 * i + 1, 0)])),
    ],
    [
      'sends data within a header block',
      ErrorCode.protocolError,
      undefined,
      [open(1), frame(1, 0, 3, request()), frame(0, 0, 1, Buffer.alloc(1))],
    ],
    [
      'floods with unknown frames',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => frame(77, 0, 0, Buffer.alloc(1))),
    ],
    [
      'floods with pings',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => frame(FrameType.ping, 0, 0, Buffer.alloc(8))),
    ],
    [
      'floods with settings',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => settingsFrame([[Setting.enablePush, 0]])),
    ],
    [
      'floods with empty data',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1), ...many(20_000, () => frame(0, 0, 1, Buffer.alloc(0)))],
    ],
    [
      'floods with WINDOW_UPDATE of the connection',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => numberFrame(FrameType.windowUpdate, 0, 1)),
    ],
    [
      'floods with WINDOW_UPDATE of a stream',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1), ...many(20_000, () => numberFrame(FrameType.windowUpdate, 1, 1))],
    ],
    [
      'floods with WINDOW_UPDATE of a closed stream',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1, END), ...many(20_000, () => numberFrame(FrameType.windowUpdate, 1, 1))],
    ],
    [
      'resets the same stream over and over',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1), ...many(20_000, () => numberFrame(FrameType.rstStream, 1, ErrorCode.cancel))],
    ],
    [
      'floods with GOAWAY',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => frame(FrameType.goaway, 0, 0, Buffer.alloc(8))),
    ],
    [
      'keeps sending on a request that was refused',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, () => open(1, 0, encodeHeaders([['a', 'b']]))),
    ],
    [
      'sends DATA one byte at a time',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1), ...many(20_000, () => frame(FrameType.data, 0, 1, Buffer.alloc(1)))],
    ],
    [
      'floods with malformed requests',
      ErrorCode.enhanceYourCalm,
      undefined,
      many(20_000, (i) => open(2 * i + 1, END, encodeHeaders([['a', 'b']]))),
    ],
    [
      'floods with fields that the table expands (HPACK bomb)',
      ErrorCode.enhanceYourCalm,
      undefined,
      [open(1, END, Buffer.concat([request(), remembered(3900)]))].concat(
        many(4000, (i) => open(2 * i + 3, END, Buffer.concat([request(), Buffer.of(0xbe, 0xbe, 0xbe, 0xbe)]))),
      ),
    ],
    [
      'never ends a header block',
      ErrorCode.enhanceYourCalm,
      undefined,
      [frame(1, 0, 1, request()), ...many(30, () => frame(9, 0, 1, Buffer.alloc(16_000)))],
    ],
    [
      'never ends an empty header block',
      ErrorCode.enhanceYourCalm,
      undefined,
      [frame(1, 0, 1, request()), ...many(270_000, () => frame(9, 0, 1, Buffer.alloc(0)))],
    ],
    [
      'sends an undecodable header block',
      ErrorCode.compressionError,
      undefined,
      [open(1, END, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    ['opens a stream with an even id', ErrorCode.protocolError, undefined, [open(2, END)]],
  ])('closes the connection of a client that %s, and serves the next client', async (_, code, preface, frames) => {
    stopClock()
    // This server never returns received bytes to the window.
    const { port, closed } = await serve((stream) => {
      stream.listener = { onData() {}, onEnd: () => stream.end(ok), onClose() {} }
    })
    const client = preface ? new Client(port, preface) : new Client(port)
    client.send(Buffer.concat(frames))
    expect((await client.goaway()).code).toBe(code)
    await client.end()
    expect(closed).toHaveLength(1)
    const next = new Client(port)
    next.send(open(1, END))
    await next.next(FrameType.headers)
  })

  it('closes the connection of a client that opens its window one byte at a time', async () => {
    stopClock()
    const { port } = await serve((stream) => {
      stream.respond(ok)
      stream.write([Buffer.alloc(1 << 20)])
    })
    const client = new Client(port, Buffer.concat([PREFACE, settingsFrame([[Setting.initialWindowSize, 0]])]))
    client.send(open(1, END))
    for (let i = 0; i < 250; i++) {
      client.send(...many(100, () => numberFrame(FrameType.windowUpdate, 1, 1)))
      await new Promise(setImmediate)
    }
    expect((await client.goaway()).code).toBe(ErrorCode.enhanceYourCalm)
  })

  it('keeps a client that sends two WINDOW_UPDATEs for each small message', async () => {
    const messages = 12_000
    const { port } = await serve(async (stream) => {
      stream.respond(ok)
      for (let i = 0; i < messages; i++) {
        await new Promise<void>((resolve) => stream.write([Buffer.alloc(10)], resolve))
        if (i % 100 === 0) await new Promise(setImmediate)
      }
      stream.end(bye)
    })
    const client = new Client(port)
    client.socket.on('data', () => {
      const taken = client.seen.filter(({ type }) => type === FrameType.data)
      client.seen.splice(0, client.seen.length, ...client.seen.filter(({ type }) => type !== FrameType.data))
      client.send(...taken.flatMap(() => [numberFrame(8, 0, 10), numberFrame(8, 1, 10)]))
    })
    client.send(open(1, END))
    await client.next(FrameType.headers, ({ flags }) => (flags & END) !== 0)
    expect(client.seen.filter(({ type }) => type === FrameType.goaway)).toEqual([])
  })

  it('sends many small messages in order without blocking the event loop', async () => {
    const messages = 150_000
    let taken = 0
    const { port } = await serve((stream) => {
      stream.respond(ok)
      for (let i = 0; i < messages; i++) stream.write([Buffer.alloc(3, i)], () => taken++)
      stream.end(bye)
    })
    const client = new Client(port, Buffer.concat([PREFACE, settingsFrame([[Setting.initialWindowSize, 0]])]))
    client.send(open(1, END))
    await client.next(FrameType.headers)
    const longestMs = await longestTurnMs(async () => {
      client.send(numberFrame(8, 0, 1 << 24), numberFrame(8, 1, 1 << 24))
      await client.next(FrameType.headers, ({ flags }) => (flags & END) !== 0)
    })
    const body = Buffer.concat(client.seen.filter(({ type }) => type === FrameType.data).map(({ payload }) => payload))
    expect(body.length).toBe(3 * messages)
    expect(body.every((byte, i) => byte === (Math.floor(i / 3) & 0xff))).toBe(true)
    expect(taken).toBe(messages)
    expect(longestMs).toBeLessThan(2000)
  })

  it('handles many frames of one read in order without blocking the event loop', async () => {
    const requests = 400
    const begun: number[] = []
    const { port, connections } = await serve((stream) => {
      begun.push(stream.id)
      burn(2)
      stream.end(bye)
    })
    const client = new Client(port)
    await client.next(FrameType.settings, ({ flags }) => flags === 1)
    const longestMs = await longestTurnMs(async () => {
      client.send(...many(requests, (i) => open(2 * i + 1, END)), frame(FrameType.ping, 0, 0, Buffer.alloc(8, 1)))
      await client.next(FrameType.ping)
    })
    expect(begun).toEqual(Array.from({ length: requests }, (_, i) => 2 * i + 1))
    expect(connections[0]!.closed).toBe(false)
    expect(longestMs).toBeLessThan(400)
  })

  it('survives random bytes', async () => {
    const { port, connections, closed } = await serve(echo)
    let seed = 3
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      return seed % below
    }
    for (let i = 0; i < 150; i++) {
      const frames = many(1 + random(20), () => {
        const payload = Buffer.from(many(random(30), () => Buffer.of(random(256))).map(([byte]) => byte!))
        return random(3) === 0 ? open(1 + 2 * random(5), random(2)) : frame(random(11), random(64), random(8), payload)
      })
      const client = new Client(port)
      client.send(...frames)
      client.socket.end()
      await client.end()
    }
    while (closed.length < 150) await new Promise(setImmediate)
    expect(connections).toHaveLength(150)
    const next = new Client(port)
    next.send(open(1, END))
    await next.next(FrameType.headers)
  })
})
