import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ServerReflectionRequest } from '../../gen/grpc/reflection/v1/reflection.ts'
import { frame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { FrameFlag, FrameType, PREFACE } from '../../src/http2/protocol.ts'
import { endOf } from '../e2e/raw-do-get.ts'
import { waitFor } from '../wait-for.ts'
import { AttackedGateway, begin, credentials, framed, sleep } from './attacked-gateway.ts'

const MIB = 1 << 20
const STREAMS = 100
const BOMBS = 40
/** A field of the header table, and how often each call refers to it. */
const FIELD_BYTES = 4000
const REFERENCES = 15
const FLIGHT = '/arrow.flight.protocol.FlightService'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
const callers = [
  ['without credentials', {}],
  ['with a key', credentials],
] as const

let gateway: AttackedGateway
beforeAll(async () => {
  gateway = await AttackedGateway.start()
})
afterEach(() => gateway.leave())
afterAll(() => gateway.stop())

describe('metadata', () => {
  /** Puts a large field into the table; each call then refers to it many times, in one byte each. */
  function amplify(path: string) {
    const socket = connect(Number(gateway.process.flight.split(':')[1]), '127.0.0.1').on('error', () => {})
    socket.resume()
    const request = encodeHeaders([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', path],
      ['content-type', 'application/grpc'],
    ])
    // RFC 7541, section 6.2.1: a literal with indexing and the new name "x"; then section 6.1: the newest table entry.
    const length = Buffer.from([0x7f, ...varint(FIELD_BYTES - 127)])
    const added = Buffer.concat([Buffer.from([0x40, 1, 0x78]), length, Buffer.alloc(FIELD_BYTES, 'v')])
    const named = Buffer.alloc(REFERENCES, 0x80 | 62)
    const frames = Array.from({ length: STREAMS }, (_, i) =>
      frame(
        FrameType.headers,
        FrameFlag.endHeaders,
        2 * i + 1,
        Buffer.concat([request, ...(i === 0 ? [added] : []), named]),
      ),
    )
    const message = frame(FrameType.data, FrameFlag.endStream, 1, framed(Buffer.alloc(0)))
    const messages = frames.map((_, i) => {
      const copy = Buffer.from(message)
      copy.writeUInt32BE(2 * i + 1, 5)
      return copy
    })
    socket.write(Buffer.concat([PREFACE, settingsFrame([]), ...frames, ...messages]))
    return socket
  }

  it.each(['/grpc.health.v1.Health/Watch', REFLECTION])(
    'expanded by the header table counts with its decoded size: %s',
    async (path) => {
      const sockets = Array.from({ length: 60 }, () => amplify(path))
      // A connection with too many refusals is closed, and its memory is released.
      let heldBytes = 0
      const observe = async () => {
        heldBytes = Math.max(heldBytes, await gateway.process.metric('flightgate_request_memory_bytes'))
      }
      const observed = async () => {
        // On a busy machine the calls may arrive late.
        if (path !== REFLECTION) await waitFor(() => observe().then(() => heldBytes > MIB), 'the calls hold memory')
        for (let i = 0; i < 10; i++) {
          await observe()
          await sleep(200)
        }
      }
      await gateway.withstands(observed())
      expect(heldBytes).toBeLessThan(80 * MIB)
      // A call refused for its credentials holds no memory: this is less than one of them. The innocent client's call holds some.
      if (path === REFLECTION) expect(heldBytes).toBeLessThan(REFERENCES * FIELD_BYTES)
      else expect(heldBytes).toBeGreaterThan(MIB)
      for (const socket of sockets) socket.destroy()
      await expect.poll(() => gateway.process.metric('flightgate_request_memory_bytes')).toBe(0)
      await expect.poll(() => gateway.process.metric('flightgate_calls_in_flight')).toBe(0)
    },
  )
})

function varint(value: number): number[] {
  const out = []
  let rest = value
  for (; rest > 127; rest >>= 7) out.push((rest & 127) | 128)
  return [...out, rest]
}

describe.each(callers)('callers %s', (_, headers) => {
  it('send gzip bombs: other clients are served in time, memory is bounded', async () => {
    const bomb = framed(gzipSync(Buffer.alloc(16 * MIB - 1000)), 1)
    const attack = async () => {
      const session = gateway.open()
      const ends = Array.from({ length: BOMBS }, () => {
        const stream = begin(session, `${FLIGHT}/GetFlightInfo`, { 'grpc-encoding': 'gzip', ...headers })
        stream.end(bomb)
        return endOf(stream.resume())
      })
      for (const { status } of await Promise.all(ends)) expect(status).toBeGreaterThan(0)
    }
    await gateway.withstands(attack())
  })

  it('request descriptors and do not read: other clients are served in time, memory is bounded', async () => {
    const value = 'arrow.flight.protocol.FlightService'
    const request = ServerReflectionRequest.encode({
      host: '',
      messageRequest: { $case: 'fileContainingSymbol', value },
    }).finish()
    const many = Buffer.concat(Array.from({ length: 1000 }, () => framed(request)))
    const session = gateway.open({ initialWindowSize: 0 })
    for (let i = 0; i < STREAMS; i++) begin(session, REFLECTION, headers).write(many)
    await gateway.withstands(sleep(2000))
  })

  it('flood with empty messages: their connection is closed, other clients are served in time', async () => {
    const empty = Buffer.alloc(4 * MIB)
    const session = gateway.open()
    const gone = new Promise((resolve) => session.once('close', resolve))
    for (let i = 0; i < 8; i++) begin(session, REFLECTION, headers).resume().write(empty)
    await gateway.withstands(sleep(2000))
    if (headers === credentials) await gone
  })

  it('flood with tiny messages: other clients are served in time', async () => {
    const tiny = Buffer.concat(Array.from({ length: 100_000 }, () => framed(Buffer.from([0x0a, 0]))))
    const session = gateway.open()
    for (let i = 0; i < 8; i++) begin(session, REFLECTION, headers).resume().write(tiny)
    await gateway.withstands(sleep(2000))
  })
})
