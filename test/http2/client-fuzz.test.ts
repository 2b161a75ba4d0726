import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { HeaderDecoder } from '../../src/http2/hpack/header-decoder.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { FrameFlag, FrameType, Http2ProtocolError } from '../../src/http2/protocol.ts'
import { type Call, Connection, okBlock, opening, script } from './client-connection.ts'

/** `FUZZ_RUNS` makes the runs longer. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 600)
const WINDOW_BYTES = 1 << 20

const streamId = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(1, 3, 5) }, fc.constantFrom(0, 2, 7, 2 ** 31 - 1))
const blocks = [
  okBlock,
  encodeHeaders([['grpc-status', '0']]),
  encodeHeaders([[':status', '103']]),
  encodeHeaders([
    [':status', '200'],
    ['grpc-status', '3'],
    ['grpc-message', 'x'.repeat(3000)],
  ]),
]
const block = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...blocks) },
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
)
const flags = fc.oneof(
  fc.constantFrom(0, FrameFlag.endStream, FrameFlag.endHeaders, 5),
  fc.integer({ min: 0, max: 255 }),
)
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
/** Frames that a server may send, and some illegal ones. */
const anyFrame = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(streamId, flags, block)
      .map(([id, flag, bytes]) => frame(FrameType.headers, flag | 4, id, bytes)),
  },
  fc.tuple(streamId, flags, block).map(([id, flag, bytes]) => frame(FrameType.headers, flag, id, bytes)),
  fc.tuple(streamId, flags, block).map(([id, flag, bytes]) => frame(FrameType.continuation, flag, id, bytes)),
  {
    weight: 4,
    arbitrary: fc.tuple(streamId, flags, payload).map(([id, flag, bytes]) => frame(FrameType.data, flag, id, bytes)),
  },
  fc.tuple(streamId, fc.nat()).map(([id, code]) => numberFrame(FrameType.rstStream, id, code)),
  fc
    .tuple(streamId, fc.integer({ min: 0, max: 2 ** 31 - 1 }))
    .map(([id, by]) => numberFrame(FrameType.windowUpdate, id, by)),
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { maxLength: 4 })
    .map(settingsFrame),
  fc
    .tuple(fc.integer({ min: 2, max: 12 }), flags, streamId, payload)
    .map(([type, flag, id, bytes]) => frame(type, flag, id, bytes)),
)

/** A server's bytes: frames, intact or with bytes changed, in pieces of any size. */
const conversation = fc.record({
  frames: fc.array(anyFrame, { maxLength: 40 }),
  changes: fc.oneof(
    fc.constant([] as [number, number][]),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  ),
  pieces: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 }),
})

describe('the HTTP/2 client, given random frames of a server,', () => {
  it('never throws, ends every call, and holds no more than its windows', async () => {
    let said = Buffer.alloc(0)
    let cuts: readonly number[] = [1]
    const port = await script(async (socket) => {
      socket.on('data', () => {})
      socket.write(opening)
      await new Promise((resolve) => socket.once('data', resolve))
      for (let at = 0, i = 0; at < said.length && !socket.destroyed; i++) {
        const size = cuts[i % cuts.length]!
        socket.write(said.subarray(at, at + size))
        at += size
        if (i % 8 === 0) await new Promise(setImmediate)
      }
      socket.end()
    })
    const thrown: unknown[] = []
    const onThrown = (error: unknown) => thrown.push(error)
    process.on('uncaughtException', onThrown)
    process.on('unhandledRejection', onThrown)
    try {
      await fc.assert(
        fc.asyncProperty(conversation, async ({ frames, changes, pieces }) => {
          said = Buffer.concat(frames)
          for (const [at, value] of changes) if (said.length > 0) said[at % said.length] = value
          cuts = pieces
          const connection = new Connection(port)
          await connection.ready
          const calls: Call[] = []
          for (let i = 0; i < 3 && connection.client.usable && connection.client.hasRoom; i++)
            calls.push(connection.call([Buffer.alloc(10)], { credit: false, end: i !== 1 }))
          await connection.until(() => connection.closed !== undefined)
          await Promise.all(calls.map(({ done }) => done))
          for (const { received } of calls) expect(received).toBeLessThanOrEqual(WINDOW_BYTES)
          for (const call of calls) for (const { buffer } of call.pieces) buffer.release()
          const error = connection.closed?.error
          if (error !== undefined && !(error instanceof Http2ProtocolError)) throw error
          expect(thrown).toEqual([])
        }),
        { numRuns: RUNS },
      )
    } finally {
      process.off('uncaughtException', onThrown)
      process.off('unhandledRejection', onThrown)
    }
  }, 120_000)

  it('decodes or refuses a sequence of header blocks with one table', () => {
    const fields = fc.array(
      fc.tuple(
        fc.string({ unit: fc.constantFrom(...'abcXYZ:-_ é'), minLength: 1, maxLength: 12 }),
        fc.string({ unit: fc.constantFrom(...'abc123,%\t\u00ff'), maxLength: 40 }),
      ),
      { maxLength: 8 },
    )
    const anyBlock = fc.oneof(
      fields.map((all) => encodeHeaders(all)),
      // Fields that enter the table, and references to entries that may exist.
      fc
        .array(
          fc.oneof(
            fc.constant([0x40, 1, 0x61, 1, 0x62]),
            fc.integer({ min: 0x80, max: 0xfe }).map((byte) => [byte]),
          ),
          {
            maxLength: 30,
          },
        )
        .map((parts) => Buffer.from(parts.flat())),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 10 }), (all) => {
        const decoder = new HeaderDecoder(4096, 2000)
        try {
          for (const each of all) {
            const decoded = decoder.decode(each)
            expect(['good', 'malformed', 'too large']).toContain(decoder.verdict)
            let size = 0
            for (const [name, value] of Object.entries(decoded)) size += name.length + String(value).length
            expect(size).toBeLessThanOrEqual(2000)
          }
        } catch (error) {
          if (!(error instanceof Http2ProtocolError)) throw error
        }
      }),
      { numRuns: 20 * RUNS },
    )
  })
})
