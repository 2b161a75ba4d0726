import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { ErrorCode, FrameFlag, FrameType, PREFACE, Setting } from '../../src/http2/protocol.ts'
import { Connection, okBlock, opening, options, script } from './client-connection.ts'

/*
 * The cases that h2spec runs against servers, applied to the client where they make sense for one. Each begins with a
 * request open on stream 1; the server then sends the frames of the case. Source: RFC 9113, RFC 7541.
 */

const { headers, data, continuation, rstStream, windowUpdate, ping, goaway, settings, priority, pushPromise } =
  FrameType
const { endHeaders, endStream, padded, ack } = FrameFlag
const none = Buffer.alloc(0)
const bytes = (length: number) => Buffer.alloc(length)
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const begun = frame(headers, endHeaders, 1, okBlock)
const finished = frame(headers, endHeaders | endStream, 1, okBlock)
const trailers = encodeHeaders([['grpc-status', '0']])
const goawayPayload = (last: number) => {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(last)
  return payload
}
const response = (fields: readonly (readonly [string, string])[], flags: number = endHeaders) =>
  frame(headers, flags, 1, encodeHeaders([[':status', '200'], ...fields]))

/** The frames that the client sends back. */
class Answers {
  readonly goaways: number[] = []
  readonly resets = new Map<number, number>()
  readonly acks: number[] = []
  readonly pongs: string[] = []
  #preface = PREFACE.length
  readonly #reader = new FrameReader(1 << 24, {
    onData() {},
    onDataEnd() {},
    onFrame: (type, flags, streamId, payload) => {
      if (type === goaway) this.goaways.push(payload.readUInt32BE(4))
      if (type === rstStream) this.resets.set(streamId, payload.readUInt32BE(0))
      if (type === settings && flags & ack) this.acks.push(payload.length)
      if (type === ping && flags & ack) this.pongs.push(payload.toString())
    },
  })

  push(chunk: Buffer): void {
    const skipped = Math.min(this.#preface, chunk.length)
    this.#preface -= skipped
    this.#reader.push(Buffer.from(chunk.subarray(skipped)))
  }
}

/** A connection with a request on stream 1, and the server's side of it. */
async function opened(more: object = {}) {
  const answers = new Answers()
  let server: Socket | undefined
  const port = await script((socket) => {
    server = socket
    socket.on('data', (chunk: Buffer) => answers.push(chunk))
    socket.write(opening)
  })
  const connection = new Connection(port, { ...options, ...more })
  await connection.ready
  const call = connection.call([], { credit: false })
  return { answers, connection, call, say: (...frames: readonly Buffer[]) => server!.write(Buffer.concat(frames)) }
}

const { protocolError, flowControlError, frameSizeError, compressionError, streamClosed, enhanceYourCalm } = ErrorCode

describe('connection error: the client closes the connection with GOAWAY and the code of the error', () => {
  it.each<[string, number, readonly Buffer[]]>([
    // 4.2 Frame size
    ['DATA above the frame size', frameSizeError, [begun, frame(data, 0, 1, bytes((1 << 20) + 1))]],
    ['HEADERS above the frame size', frameSizeError, [frame(headers, endHeaders, 1, bytes((1 << 20) + 1))]],
    // 4.3 Header compression
    [
      'a header block that ends in the middle of a field',
      compressionError,
      [frame(headers, endHeaders, 1, hex('4001'))],
    ],
    [
      'CONTINUATION cut off by PRIORITY',
      protocolError,
      [frame(headers, 0, 1, okBlock), frame(priority, 0, 1, bytes(5))],
    ],
    ['CONTINUATION cut off by HEADERS', protocolError, [frame(headers, 0, 1, okBlock), begun]],
    ['CONTINUATION cut off by DATA', protocolError, [frame(headers, 0, 1, okBlock), frame(data, 0, 1, bytes(1))]],
    [
      'CONTINUATION cut off by an unknown frame',
      protocolError,
      [frame(headers, 0, 1, okBlock), frame(0x42, 0, 1, none)],
    ],
    // 5.1 Stream states
    ['DATA on an idle stream', protocolError, [frame(data, 0, 9, bytes(1))]],
    ['HEADERS on an idle stream', protocolError, [frame(headers, endHeaders, 9, okBlock)]],
    ['RST_STREAM on an idle stream', protocolError, [numberFrame(rstStream, 9, 0)]],
    ['WINDOW_UPDATE on an idle stream', protocolError, [numberFrame(windowUpdate, 9, 1)]],
    ['CONTINUATION on an idle stream', protocolError, [frame(continuation, endHeaders, 9, okBlock)]],
    ['HEADERS on a server-initiated stream', protocolError, [frame(headers, endHeaders, 2, okBlock)]],
    ['DATA on a server-initiated stream', protocolError, [frame(data, 0, 2, bytes(1))]],
    ['WINDOW_UPDATE on a server-initiated stream', protocolError, [numberFrame(windowUpdate, 2, 1)]],
    ['DATA after the end of the stream', streamClosed, [finished, frame(data, 0, 1, bytes(1))]],
    ['HEADERS after the end of the stream', streamClosed, [finished, begun]],
    [
      'CONTINUATION after the end of the stream',
      protocolError,
      [finished, frame(continuation, endHeaders, 1, okBlock)],
    ],
    // 6.1 DATA
    ['DATA without a stream', protocolError, [frame(data, 0, 0, bytes(1))]],
    ['DATA with more padding than bytes', protocolError, [begun, frame(data, padded, 1, hex('06 0000000000'))]],
    ['padded DATA without a payload', protocolError, [begun, frame(data, padded, 1, none)]],
    // 6.2 HEADERS
    ['HEADERS without a stream', protocolError, [frame(headers, endHeaders, 0, okBlock)]],
    ['HEADERS with more padding than bytes', protocolError, [frame(headers, endHeaders | padded, 1, hex('09 88'))]],
    // 6.3 PRIORITY
    ['PRIORITY without a stream', protocolError, [frame(priority, 0, 0, bytes(5))]],
    // 6.4 RST_STREAM
    ['RST_STREAM without a stream', protocolError, [numberFrame(rstStream, 0, 0)]],
    ['RST_STREAM of three bytes', frameSizeError, [frame(rstStream, 0, 1, bytes(3))]],
    // 6.5 SETTINGS
    ['an ACK of SETTINGS with a payload', frameSizeError, [frame(settings, ack, 0, bytes(6))]],
    ['SETTINGS on a stream', protocolError, [frame(settings, 0, 1, bytes(6))]],
    ['SETTINGS of three bytes', frameSizeError, [frame(settings, 0, 0, bytes(3))]],
    ['SETTINGS_ENABLE_PUSH of 1, which is for clients', protocolError, [settingsFrame([[Setting.enablePush, 1]])]],
    ['SETTINGS_ENABLE_PUSH of 2', protocolError, [settingsFrame([[Setting.enablePush, 2]])]],
    ['a window above the maximum', flowControlError, [settingsFrame([[Setting.initialWindowSize, 2 ** 31]])]],
    ['a frame size below the minimum', protocolError, [settingsFrame([[Setting.maxFrameSize, 16_383]])]],
    ['a frame size above the maximum', protocolError, [settingsFrame([[Setting.maxFrameSize, 2 ** 24]])]],
    // 6.6 PUSH_PROMISE
    ['PUSH_PROMISE', protocolError, [frame(pushPromise, endHeaders, 1, Buffer.concat([hex('00000002'), okBlock]))]],
    // 6.7 PING
    ['PING on a stream', protocolError, [frame(ping, 0, 1, bytes(8))]],
    ['PING of six bytes', frameSizeError, [frame(ping, 0, 0, bytes(6))]],
    // 6.8 GOAWAY
    ['GOAWAY on a stream', protocolError, [frame(goaway, 0, 1, goawayPayload(1))]],
    ['GOAWAY of four bytes', frameSizeError, [frame(goaway, 0, 0, bytes(4))]],
    // 6.9 WINDOW_UPDATE
    ['WINDOW_UPDATE of the connection by 0', protocolError, [numberFrame(windowUpdate, 0, 0)]],
    ['WINDOW_UPDATE of three bytes', frameSizeError, [frame(windowUpdate, 0, 0, bytes(3))]],
    ['a window of the connection that overflows', flowControlError, [numberFrame(windowUpdate, 0, 2 ** 31 - 1)]],
    [
      'DATA above the window',
      flowControlError,
      [begun, frame(data, 0, 1, bytes(1 << 20)), frame(data, 0, 1, bytes(1))],
    ],
    [
      'a stream window that SETTINGS make overflow',
      flowControlError,
      [numberFrame(windowUpdate, 1, 2 ** 31 - 1 - 65_535), settingsFrame([[Setting.initialWindowSize, 65_536]])],
    ],
    // 6.10 CONTINUATION
    ['CONTINUATION after a complete block', protocolError, [begun, frame(continuation, endHeaders, 1, okBlock)]],
    [
      'CONTINUATION without a stream',
      protocolError,
      [frame(headers, 0, 1, okBlock), frame(continuation, 4, 0, okBlock)],
    ],
    [
      'CONTINUATION of another stream',
      protocolError,
      [frame(headers, 0, 1, okBlock), frame(continuation, 4, 3, okBlock)],
    ],
    [
      'CONTINUATION without end',
      enhanceYourCalm,
      [frame(headers, 0, 1, okBlock), ...Array(200).fill(frame(continuation, 0, 1, none))],
    ],
    // RFC 7541
    ['an index beyond the table', compressionError, [frame(headers, endHeaders, 1, hex('c6'))]],
    ['the index 0', compressionError, [frame(headers, endHeaders, 1, hex('80'))]],
    ['a table larger than offered', compressionError, [frame(headers, endHeaders, 1, hex('3fe21f88'))]],
    ['a table resized after a field', compressionError, [frame(headers, endHeaders, 1, hex('8820'))]],
    [
      'a Huffman code that contains EOS',
      compressionError,
      [frame(headers, endHeaders, 1, hex('88 400161 84ffffffff'))],
    ],
    [
      'a Huffman code with too much padding',
      compressionError,
      [frame(headers, endHeaders, 1, hex('88 400161 821fff'))],
    ],
    ['a Huffman code padded with zeros', compressionError, [frame(headers, endHeaders, 1, hex('88 400161 8118'))]],
  ])('%s', async (_, code, frames) => {
    const { answers, connection, call, say } = await opened()
    say(...frames)
    await connection.until(() => connection.closed !== undefined)
    await call.done
    await expect.poll(() => answers.goaways).toEqual([code])
  })
})

describe('stream error: the client resets that call alone, and the next call works', () => {
  it.each<[string, number, readonly Buffer[]]>([
    ['DATA before the headers', protocolError, [frame(data, 0, 1, bytes(1))]],
    ['HEADERS in the middle that do not end the stream', protocolError, [begun, begun]],
    ['WINDOW_UPDATE by 0', protocolError, [numberFrame(windowUpdate, 1, 0)]],
    ['a window that overflows', flowControlError, [numberFrame(windowUpdate, 1, 2 ** 31 - 1)]],
    ['a name in upper case', protocolError, [frame(headers, endHeaders, 1, hex('88 00 0141 0162'))]],
    ['a line break in a value', protocolError, [frame(headers, endHeaders, 1, hex('88 00 0161 02 0d0a'))]],
    ['no status', protocolError, [frame(headers, endHeaders, 1, encodeHeaders([['a', 'b']]))]],
    ['a status that is no number', protocolError, [frame(headers, endHeaders, 1, encodeHeaders([[':status', 'ok']]))]],
    ['the status 101', protocolError, [frame(headers, endHeaders, 1, encodeHeaders([[':status', '101']]))]],
    ['a status twice', protocolError, [response([[':status', '200']])]],
    ['a request pseudo-field in a response', protocolError, [response([[':path', '/']])]],
    ['an unknown pseudo-field', protocolError, [response([[':nothing', 'x']])]],
    [
      'a pseudo-field after regular fields',
      protocolError,
      [
        frame(
          headers,
          endHeaders,
          1,
          encodeHeaders([
            ['a', 'b'],
            [':status', '200'],
          ]),
        ),
      ],
    ],
    ['a pseudo-field in trailers', protocolError, [begun, finished]],
    ['a connection-specific header of HTTP/1.1', protocolError, [response([['connection', 'close']])]],
    ['transfer-encoding', protocolError, [response([['transfer-encoding', 'chunked']])]],
    [
      'an interim response that ends the stream',
      protocolError,
      [frame(headers, endHeaders | endStream, 1, encodeHeaders([[':status', '103']]))],
    ],
  ])('%s', async (_, code, frames) => {
    const { answers, connection, call, say } = await opened()
    say(...frames)
    expect(await call.done).toEqual({ kind: 'reset', code })
    await expect.poll(() => answers.resets.get(1)).toBe(code)
    const next = connection.call()
    // Frames in flight for the closed call are no fault of the server.
    say(frame(data, 0, 1, bytes(10)), frame(headers, endHeaders | endStream, 1, trailers))
    say(frame(headers, endHeaders, 3, okBlock), frame(headers, endHeaders | endStream, 3, trailers))
    expect(await next.done).toBeUndefined()
    expect(answers.goaways).toEqual([])
  })
})

describe('frames that are legal or must be ignored: the call succeeds', () => {
  it.each<[string, readonly Buffer[]]>([
    ['unknown frames', [frame(0x42, 0xff, 0, bytes(100)), frame(0x43, 0xff, 1, bytes(70_000))]],
    ['unknown settings', [settingsFrame([[0x42, 7]])]],
    ['undefined flags', [frame(ping, 0xf0, 0, bytes(8)), frame(data, 0xf0 & ~padded, 1, bytes(1))]],
    ['the reserved bit of the stream id set', [frame(data, 0, (1 | 0x80000000) >>> 0, bytes(1))]],
    ['PRIORITY on any stream', [frame(priority, 0, 1, bytes(5)), frame(priority, 0, 8, bytes(5))]],
    ['padding', [frame(data, padded, 1, hex('02 61 0000'))]],
    ['empty DATA', [frame(data, 0, 1, none)]],
    ['empty SETTINGS', [settingsFrame([])]],
    ['WINDOW_UPDATE', [numberFrame(windowUpdate, 0, 1), numberFrame(windowUpdate, 1, 1)]],
    ['GOAWAY that spares the stream', [frame(goaway, 0, 0, goawayPayload(1)), frame(goaway, 0, 0, goawayPayload(1))]],
  ])('%s', async (_, frames) => {
    const { call, say } = await opened()
    say(begun, ...frames, frame(headers, endHeaders | endStream, 1, trailers))
    expect(await call.done).toBeUndefined()
    expect(call.headers.at(-1)).toMatchObject({ 'grpc-status': '0' })
  })

  const wide = { maxHeaderListBytes: 200_000, maxHeaderBlockBytes: 300_000 }
  const longTrailers = (length: number) =>
    encodeHeaders([
      ['grpc-status', '3'],
      ['grpc-message', 'y'.repeat(length)],
    ])

  it('a header block above 64 KiB in one frame is accepted where the limit allows it', async () => {
    const { call, say } = await opened(wide)
    say(begun, frame(headers, endHeaders | endStream, 1, longTrailers(150_000)))
    expect(await call.done).toBeUndefined()
    expect(call.headers.at(-1)).toEqual({ 'grpc-status': '3', 'grpc-message': 'y'.repeat(150_000) })
  })

  it('trailers above the limit are cut, and the table stays in step with the server', async () => {
    const { connection, call, say } = await opened(wide)
    // After the oversized field comes one that enters the table: a = b.
    const cut = Buffer.concat([longTrailers(250_000), hex('40 01 61 01 62')])
    say(begun, frame(headers, endHeaders | endStream, 1, cut))
    expect(await call.done).toBeUndefined()
    expect(call.headers.at(-1)).toEqual({ 'grpc-status': '3' })
    const next = connection.call()
    say(frame(headers, endHeaders | endStream, 3, Buffer.concat([okBlock, hex('be')])))
    expect(await next.done).toBeUndefined()
    expect(next.headers).toEqual([{ ':status': '200', a: 'b' }])
  })

  it('the client answers a PING with its payload, SETTINGS with an ACK', async () => {
    const { answers, say } = await opened()
    say(frame(ping, 0, 0, Buffer.from('12345678')), settingsFrame([[Setting.maxFrameSize, 20_000]]))
    await expect.poll(() => [answers.pongs, answers.acks]).toEqual([['12345678'], [0, 0]])
  })

  it('the client drops frames for a cancelled call', async () => {
    const { answers, connection, call, say } = await opened()
    call.stream.reset()
    say(begun, frame(data, 0, 1, bytes(1000)), frame(headers, endHeaders | endStream, 1, trailers))
    say(numberFrame(rstStream, 1, 0), numberFrame(windowUpdate, 1, 1))
    const next = connection.call()
    say(frame(headers, endHeaders | endStream, 3, okBlock))
    expect(await next.done).toBeUndefined()
    expect(answers.goaways).toEqual([])
  })
})

describe('a server floods: the client closes the connection', () => {
  // The limit is a rate: a server that is slow would keep within it.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each<[string, Buffer]>([
    ['PING', frame(ping, 0, 0, bytes(8))],
    ['PING answers that match no PING', frame(ping, ack, 0, bytes(8))],
    ['SETTINGS', settingsFrame([[Setting.initialWindowSize, 65_535]])],
    ['SETTINGS of 64 KiB', frame(settings, 0, 0, bytes(65_532))],
    ['PRIORITY', frame(priority, 0, 1, bytes(5))],
    ['unknown frames', frame(0x42, 0, 0, none)],
    ['large unknown frames', frame(0x42, 0, 0, bytes(1 << 20))],
    ['empty DATA', frame(data, 0, 1, none)],
    ['DATA that is all padding', frame(data, padded, 1, hex('02 0000'))],
    ['interim responses', frame(headers, endHeaders, 1, encodeHeaders([[':status', '103']]))],
    ['GOAWAY', frame(goaway, 0, 0, goawayPayload(1))],
  ])('of %s', async (what, flood) => {
    const { answers, connection, call, say } = await opened()
    if (what.includes('DATA')) say(begun)
    const count = flood.length > 100_000 ? 50 : flood.length > 10_000 ? 500 : 15_000
    say(...Array<Buffer>(count).fill(flood))
    expect(await call.done).toMatchObject({ kind: 'lost', notProcessed: false })
    expect(connection.closed?.error?.message).toMatch(/idle frames/)
    await expect.poll(() => answers.goaways).toEqual([enhanceYourCalm])
  })
})
