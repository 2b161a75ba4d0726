import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { ErrorCode, FrameFlag, FrameType, PREFACE, Setting } from '../../src/http2/protocol.ts'
import { Connection, closers, okBlock, opening, post, script } from './client-connection.ts'

/** A node:http2 server. */
async function serve(onStream: (stream: ServerHttp2Stream) => unknown, settings = {}): Promise<number> {
  const server: Http2Server = createHttp2Server({ settings })
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    onStream(stream)
  })
  server.on('session', (session) => closers.push(() => session.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

const noise = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

describe('requests to a node:http2 server', () => {
  it('receive headers, a body larger than the window, and trailers', async () => {
    const body = noise(5 << 20)
    const port = await serve((stream) => {
      stream.respond({ ':status': 200, x: 'é' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(body)
      stream.resume()
    })
    const call = new Connection(port).call([Buffer.from('hello')])
    expect(await call.done).toBeUndefined()
    expect(call.headers).toEqual([expect.objectContaining({ ':status': '200', x: 'é' }), { 'grpc-status': '0' }])
    expect(call.body.equals(body)).toBe(true)
  })

  it('stop the server at the window until the caller returns credit (backpressure)', async () => {
    const port = await serve((stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(4 << 20, 1))
    })
    const connection = new Connection(port)
    const stalled = connection.call([], { credit: false })
    const other = connection.call()
    expect(await other.done).toBeUndefined()
    expect(other.received).toBe(4 << 20)
    expect(stalled.received).toBeLessThanOrEqual(1 << 20)
    stalled.stream.reset()
    expect(await connection.call().done).toBeUndefined()
  })

  it('keep held buffers unchanged while released ones are reused', async () => {
    let round = 0
    const port = await serve((stream) => {
      stream.respond({ ':status': 200 })
      stream.end(Buffer.alloc(1 << 20, ++round))
    })
    const connection = new Connection(port)
    const kept = connection.call()
    await kept.done
    for (let i = 0; i < 20; i++) {
      const call = connection.call()
      await call.done
      for (const { buffer } of call.pieces) buffer.release()
    }
    expect(kept.body.equals(Buffer.alloc(1 << 20, 1))).toBe(true)
  })

  it('upload within the server’s windows, in frames of the size that it accepts', async () => {
    const got: Buffer[] = []
    const port = await serve(
      (stream) => {
        stream.on('data', (chunk: Buffer) => got.push(chunk))
        stream.on('end', () => stream.respond({ ':status': 200 }, { endStream: true }))
      },
      { initialWindowSize: 20_000, maxFrameSize: 16_384 },
    )
    const connection = new Connection(port)
    await connection.ready
    const part = noise(300_000)
    const call = connection.call([part], { end: false })
    await call.stream.drained()
    call.stream.write([part.subarray(0, 1), part.subarray(1)], true)
    expect(await call.done).toBeUndefined()
    expect(Buffer.concat(got).equals(Buffer.concat([part, part]))).toBe(true)
  })

  it('reach the server as RST_STREAM when reset, and end early when the server answers early', async () => {
    const codes: number[] = []
    const port = await serve((stream) => {
      stream.on('close', () => codes.push(stream.rstCode))
      if (codes.length === 0) stream.respond({ ':status': 200 })
      else stream.respond({ ':status': 200 }, { endStream: true })
      stream.resume()
    })
    const connection = new Connection(port)
    const first = connection.call([Buffer.alloc(10)], { end: false })
    while (first.headers.length === 0) await new Promise(setImmediate)
    first.stream.reset()
    while (codes.length === 0) await new Promise(setImmediate)
    const second = connection.call([Buffer.alloc(10)], { end: false })
    expect(await second.done).toBeUndefined()
    while (codes.length < 2) await new Promise(setImmediate)
    expect(codes).toEqual([ErrorCode.cancel, ErrorCode.noError])
  })

  it('end with the code of the server’s reset, REFUSED_STREAM included', async () => {
    const port = await serve((stream) => stream.close(ErrorCode.refusedStream))
    const call = new Connection(port).call()
    expect(await call.done).toEqual({ kind: 'reset', code: ErrorCode.refusedStream })
  })

  it('are refused above the server’s limit of concurrent streams', async () => {
    const port = await serve((stream) => stream.resume(), { maxConcurrentStreams: 1 })
    const connection = new Connection(port)
    await connection.ready
    expect(connection.client.hasRoom).toBe(true)
    const call = connection.call()
    expect(connection.client.hasRoom).toBe(false)
    expect(() => connection.call()).toThrow(/no more requests/)
    call.stream.reset()
    expect(connection.client.hasRoom).toBe(true)
  })

  it('work with a server without a header table, and with headers larger than a frame', async () => {
    const big = 'v'.repeat(40_000)
    const port = await serve((stream) => stream.respond({ ':status': 200, big }, { endStream: true }), {
      headerTableSize: 0,
    })
    const connection = new Connection(port)
    await connection.ready
    for (let i = 0; i < 3; i++) {
      const call = connection.call()
      expect(await call.done).toBeUndefined()
      expect(call.headers[0]).toMatchObject({ big })
    }
  })

  it('get an answer to a PING', async () => {
    const connection = new Connection(await serve(() => {}))
    await connection.ready
    await new Promise<void>((resolve) => connection.client.ping(resolve))
  })
})

describe('a server that', () => {
  const ok = opening
  const status = okBlock
  const goaway = (last: number, code = 0) => {
    const payload = Buffer.alloc(8)
    payload.writeUInt32BE(last)
    payload.writeUInt32BE(code, 4)
    return frame(FrameType.goaway, 0, 0, payload)
  }

  it('sends GOAWAY: calls up to its last stream finish, later ones count as not processed', async () => {
    const sockets: Socket[] = []
    const port = await script((socket) => {
      sockets.push(socket)
      socket.write(ok)
    })
    const connection = new Connection(port)
    await connection.ready
    const [first, second] = [connection.call(), connection.call()]
    sockets[0]!.write(goaway(1))
    expect(await second!.done).toMatchObject({ kind: 'lost', notProcessed: true })
    expect(connection.client.usable).toBe(false)
    expect(connection.goaway).toBe(0)
    sockets[0]!.write(frame(FrameType.headers, FrameFlag.endHeaders | FrameFlag.endStream, 1, status))
    expect(await first!.done).toBeUndefined()
    await connection.until(() => connection.closed !== undefined)
  })

  it('closes without GOAWAY: its calls end as lost', async () => {
    const port = await script((socket) => {
      socket.write(ok)
      socket.on('data', (data: Buffer) => {
        if (Buffer.from(data).includes(post)) socket.destroy()
      })
    })
    const connection = new Connection(port)
    expect(await connection.call().done).toEqual({ kind: 'lost', notProcessed: false })
    expect(connection.client.usable).toBe(false)
  })

  it('sends interim headers, padding, PRIORITY and CONTINUATION: the client reads the response', async () => {
    const head = Buffer.concat([Buffer.from([2]), Buffer.alloc(5), status.subarray(0, 0), Buffer.alloc(2)])
    const port = await script((socket) => {
      socket.write(ok)
      socket.write(frame(FrameType.headers, FrameFlag.endHeaders, 1, encodeHeaders([[':status', '103']])))
      socket.write(frame(FrameType.headers, FrameFlag.padded | FrameFlag.priority, 1, head))
      socket.write(frame(FrameType.continuation, FrameFlag.endHeaders, 1, status))
      socket.write(frame(FrameType.data, FrameFlag.padded, 1, Buffer.from('\u0002hi\0\0')))
      socket.write(numberFrame(FrameType.windowUpdate, 1, 5))
      socket.write(frame(FrameType.data, FrameFlag.endStream, 1, Buffer.alloc(0)))
    })
    const call = new Connection(port).call()
    expect(await call.done).toBeUndefined()
    expect(call.headers).toEqual([{ ':status': '200' }])
    expect(call.body.toString()).toBe('hi')
  })

  it.each([
    ['answers in HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /frame/],
    ['begins without SETTINGS', frame(FrameType.ping, 0, 0, Buffer.alloc(8)), /SETTINGS/],
    ['sends PUSH_PROMISE', Buffer.concat([ok, frame(FrameType.pushPromise, 4, 1, Buffer.alloc(4))]), /PUSH_PROMISE/],
    ['answers on an idle stream', Buffer.concat([ok, frame(FrameType.headers, 4, 9, status)]), /idle stream/],
    ['sends DATA on stream 0', Buffer.concat([ok, frame(FrameType.data, 0, 0, Buffer.alloc(1))]), /without a stream/],
    ['overflows the connection window', Buffer.concat([ok, numberFrame(8, 0, 2 ** 31 - 1)]), /window/],
    ['announces a window above the maximum', settingsFrame([[Setting.initialWindowSize, 2 ** 31]]), /window/],
    ['interrupts a header block', Buffer.concat([ok, frame(1, 0, 1, status), numberFrame(8, 0, 1)]), /interrupts/],
    ['sends CONTINUATION without HEADERS', Buffer.concat([ok, frame(9, 4, 1, status)]), /CONTINUATION/],
    [
      'sends more than the window allows',
      Buffer.concat([ok, frame(1, 4, 1, status), ...Array(17).fill(frame(0, 0, 1, Buffer.alloc(1 << 16)))]),
      /exceeds the stream window/,
    ],
    ['sends an undecodable header block', Buffer.concat([ok, frame(1, 4, 1, Buffer.from([0xff, 0xff]))]), /./],
  ])('%s is left, with a reason', async (_, bytes, reason) => {
    const got: Buffer[] = []
    const port = await script((socket) => {
      socket.on('data', (data: Buffer) => got.push(data))
      socket.write(bytes)
    })
    const connection = new Connection(port)
    const call = connection.call([], { credit: false })
    expect(await call.done).toMatchObject({ kind: 'lost', notProcessed: false })
    expect(connection.closed?.error?.message).toMatch(reason)
  })

  it('never ends a header block: the client closes the connection, the call ends as oversized', async () => {
    const block = [frame(1, 0, 1, status), ...Array(6).fill(frame(9, 0, 1, Buffer.alloc(60_000)))]
    const port = await script((socket) => socket.write(Buffer.concat([ok, ...block])))
    const connection = new Connection(port)
    expect(await connection.call().done).toEqual({ kind: 'oversized' })
    expect(connection.closed?.error?.message).toMatch(/too large/)
  })

  it('floods with PING and reads no answers: the client closes the connection', async () => {
    const pings = Buffer.concat(Array(50_000).fill(frame(FrameType.ping, 0, 0, Buffer.alloc(8))))
    const port = await script((socket) => {
      socket.pause()
      const flood = () => {
        while (!socket.destroyed && socket.write(pings));
      }
      socket.on('drain', flood)
      socket.write(ok)
      flood()
    })
    const connection = new Connection(port)
    await connection.until(() => connection.closed !== undefined)
    expect(connection.closed?.error?.message).toMatch(/idle frames/)
  })

  it('sends SETTINGS at once: the client’s preface still comes first', async () => {
    const got: Buffer[] = []
    const port = await script((socket) => {
      socket.on('data', (data: Buffer) => got.push(data))
      socket.write(ok)
    })
    const connection = new Connection(port)
    await connection.ready
    while (Buffer.concat(got).length < PREFACE.length) await new Promise(setImmediate)
    expect(Buffer.concat(got).subarray(0, PREFACE.length).equals(PREFACE)).toBe(true)
  })
})
