import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { ErrorCode, FrameFlag, FrameType, PREFACE, Setting } from '../../src/http2/protocol.ts'
import { Http2ServerConnection } from '../../src/http2/server-connection.ts'

const TIME_LIMIT_MS = process.env['CI'] === 'true' ? 8000 : 4000
const MAX_STREAMS = 8
/** Size of each answer: bounds the memory of a connection. */
const ANSWER_BYTES = 1 << 16

const request = encodeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a/b'],
  [':authority', 'x'],
  ['te', 'trailers'],
])
const ok = encodeHeaders([[':status', '200']])
const bye = encodeHeaders([['grpc-status', '0']])

const streamId = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 3, 5, 7, 9, 11, 13) }, fc.nat(40))
const flags = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0, FrameFlag.endStream, FrameFlag.endHeaders, 5) },
  fc.nat(255),
)
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
/** Field lists in all forms of RFC 7541, valid and invalid. */
const block = fc.oneof(
  { weight: 4, arbitrary: fc.constant(request) },
  fc.tuple(fc.constant(request), bytes).map((parts) => Buffer.concat(parts)),
  bytes,
)
const number = fc.oneof(fc.nat(70_000), fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 32 - 1))

/** A frame that a client may send, in any order. */
const anyFrame = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(flags, streamId, block)
      .map(([f, id, payload]) => frame(FrameType.headers, f | FrameFlag.endHeaders, id, payload)),
  },
  fc.tuple(flags, streamId, block).map(([f, id, payload]) => frame(FrameType.headers, f, id, payload)),
  fc.tuple(flags, streamId, block).map(([f, id, payload]) => frame(FrameType.continuation, f, id, payload)),
  {
    weight: 3,
    arbitrary: fc.tuple(flags, streamId, bytes).map(([f, id, payload]) => frame(FrameType.data, f, id, payload)),
  },
  fc.tuple(streamId, number).map(([id, value]) => numberFrame(FrameType.windowUpdate, id, value)),
  fc.tuple(streamId, number).map(([id, value]) => numberFrame(FrameType.rstStream, id, value)),
  fc.array(fc.tuple(fc.nat(8), number), { maxLength: 5 }).map((settings) => settingsFrame(settings)),
  fc.tuple(flags, bytes).map(([f, payload]) => frame(FrameType.settings, f, 0, payload)),
  fc.tuple(flags, fc.constant(Buffer.alloc(8))).map(([f, payload]) => frame(FrameType.ping, f, 0, payload)),
  fc.tuple(streamId, bytes).map(([id, payload]) => frame(FrameType.goaway, 0, id, payload)),
  fc.tuple(streamId, bytes).map(([id, payload]) => frame(FrameType.priority, 0, id, payload)),
  fc.tuple(fc.nat(255), flags, streamId, bytes).map(([type, f, id, payload]) => frame(type, f, id, payload)),
)

/** Frames as a byte stream; in some cases with a few bytes changed. */
const session = fc
  .tuple(
    fc.array(anyFrame, { minLength: 1, maxLength: 40 }),
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 }),
    ),
    fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 8 }),
  )
  .map(([frames, changes, cuts]) => {
    const all = Buffer.concat(frames)
    for (const [at, value] of changes) if (at < all.length) all[at] = value
    return { all, cuts }
  })

/** The frames that a server has sent, as types with payloads; throws if the server's own framing is broken. */
function framesOf(received: Buffer): { type: number; payload: Buffer }[] {
  const frames: { type: number; payload: Buffer }[] = []
  for (let at = 0; at < received.length; ) {
    const length = received.readUIntBE(at, 3)
    expect(length).toBeLessThanOrEqual(1 << 24)
    frames.push({ type: received[at + 3]!, payload: received.subarray(at + 9, at + 9 + length) })
    at += 9 + length
  }
  return frames
}

describe('random and damaged frames', () => {
  let server: Server
  let port: number
  let open = 0
  let streams = 0
  let maxOpenStreams = 0
  let untaken = 0
  const faults: unknown[] = []
  const onFault = (error: unknown) => faults.push(error)

  beforeAll(async () => {
    process.on('uncaughtException', onFault)
    server = createServer((socket) => {
      open++
      let openHere = 0
      new Http2ServerConnection(
        socket,
        { windowBytes: 1 << 16, connectionWindowBytes: 1 << 18, maxStreams: MAX_STREAMS, maxHeaderListBytes: 8192 },
        {
          onStream(stream) {
            streams++
            openHere++
            maxOpenStreams = Math.max(maxOpenStreams, openHere)
            stream.listener = {
              onData: (data) => stream.credit(data.length),
              onEnd() {
                untaken++
                stream.respond(ok)
                stream.write([Buffer.alloc(ANSWER_BYTES)], () => untaken--)
                stream.end(bye)
              },
              onClose() {},
            }
          },
          onStreamClose: () => openHere--,
          onClose() {
            open--
            // Streams are closed before their connection is.
            if (openHere !== 0) faults.push(new Error(`${openHere} streams are open on a closed connection`))
          },
        },
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    process.off('uncaughtException', onFault)
    server.close()
  })

  it('get an answer or a GOAWAY; the server leaks no stream, connection or buffer', async () => {
    let goaways = 0
    await fc.assert(
      fc.asyncProperty(session, async ({ all, cuts }) => {
        const received: Buffer[] = []
        const socket = connect(port, '127.0.0.1').on('error', () => {})
        socket.on('data', (data: Buffer) => received.push(data))
        const closed = new Promise((resolve) => socket.once('close', resolve))
        socket.write(Buffer.concat([PREFACE, settingsFrame([[Setting.initialWindowSize, 1 << 20]])]))
        let at = 0
        for (const length of cuts) {
          socket.write(all.subarray(at, at + length))
          at += length
          await new Promise(setImmediate)
        }
        socket.end(all.subarray(at))
        await closed
        const frames = framesOf(Buffer.concat(received))
        expect(frames[0]!.type).toBe(FrameType.settings)
        const end = frames.filter(({ type }) => type === FrameType.goaway)
        expect(end.length).toBeLessThanOrEqual(1)
        if (end[0]) {
          goaways++
          expect(Object.values(ErrorCode)).toContain(end[0].payload.readUInt32BE(4))
        }
        expect(faults).toEqual([])
        expect(maxOpenStreams).toBeLessThanOrEqual(MAX_STREAMS)
      }),
      { numRuns: 100_000, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: false },
    )
    // The runs contained both outcomes, and served requests.
    expect(goaways).toBeGreaterThan(5)
    expect(streams).toBeGreaterThan(5)
    await expect.poll(() => [open, untaken]).toEqual([0, 0])
  })
})
