import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endOf, openCall } from '../e2e/raw-do-get.ts'
import { AttackedGateway, begin, framed } from './attacked-gateway.ts'

const MIB = 1 << 20
const FLIGHT = '/arrow.flight.protocol.FlightService'
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'

let gateway: AttackedGateway
beforeAll(async () => {
  gateway = await AttackedGateway.start()
})
afterAll(() => gateway.stop())

describe('callers without credentials', () => {
  it.concurrent.each([
    `${FLIGHT}/GetFlightInfo`,
    `${FLIGHT}/DoGet`,
    `${FLIGHT}/DoPut`,
    `${FLIGHT}/DoExchange`,
    `${FLIGHT}/DoAction`,
    `${FLIGHT}/ListActions`,
    REFLECTION,
  ])('get UNAUTHENTICATED after their headers, before the body: %s', async (path) => {
    for (const headers of [{}, { 'x-api-key': 'a guess' }]) {
      const stream = begin(gateway.open(), path, headers)
      // The request stays incomplete.
      stream.write(framed(Buffer.alloc(3000)).subarray(0, 2000))
      expect(await endOf(stream.resume())).toMatchObject({ status: 16, error: 'UNAUTHENTICATED' })
    }
  })

  it('may call health check and ListFlights', async () => {
    for (const path of ['/grpc.health.v1.Health/Check', `${FLIGHT}/ListFlights`]) {
      const stream = begin(gateway.open(), path)
      stream.end(framed(Buffer.alloc(0)))
      expect(await endOf(stream)).toMatchObject({ status: 0 })
    }
  })

  it.concurrent.each(['/grpc.health.v1.Health/Check', `${FLIGHT}/ListFlights`, `${FLIGHT}/Handshake`])(
    'may send at most 64 KiB, also decompressed: %s',
    async (path) => {
      const plain = begin(gateway.open(), path)
      plain.write(framed(Buffer.alloc(70_000)))
      expect(await endOf(plain.resume())).toMatchObject({ status: 8, error: 'TOO_LARGE' })
      const bomb = begin(gateway.open(), path, { 'grpc-encoding': 'gzip' })
      bomb.end(framed(gzipSync(Buffer.alloc(MIB)), 1))
      expect(await endOf(bomb.resume())).toMatchObject({ status: 8, error: 'TOO_LARGE' })
    },
  )

  it.each(['__proto__', 'constructor', '/toString'])('call %s: UNIMPLEMENTED', async (path) => {
    const stream = begin(gateway.open(), path)
    stream.end()
    expect(await endOf(stream.resume())).toMatchObject({ status: 12, error: 'UNIMPLEMENTED' })
    await gateway.askInnocently()
  })

  it('fill the log with at most ten lines per second; each call is still counted', async () => {
    // Lines of earlier calls may still come.
    const fresh = await AttackedGateway.start()
    const session = fresh.open()
    const CALLS = 1000
    const total = async () =>
      (await fresh.process.metric('flightgate_calls_total', { code: 'UNAUTHENTICATED' })) +
      (await fresh.process.metric('flightgate_calls_total', { code: 'UNIMPLEMENTED' }))
    const startedAt = performance.now()
    await Promise.all(
      Array.from({ length: CALLS }, (_, i) =>
        endOf(openCall(session, i % 2 ? 'GetFlightInfo' : 'NoSuchMethod', Buffer.alloc(0))),
      ),
    )
    await expect.poll(total).toBe(CALLS)
    const { lines } = fresh.process
    const logged = () => lines.filter(({ event }) => event === 'call').length
    const left = () =>
      lines.reduce((sum, { event, count }) => (event === 'calls_refused' ? sum + (count as number) : sum), 0)
    await expect.poll(() => logged() + left()).toBe(CALLS)
    // Of each of two kinds of calls.
    const seconds = Math.ceil((performance.now() - startedAt) / 1000) + 1
    expect(logged()).toBeLessThanOrEqual(2 * 10 * seconds)
    await fresh.stop()
  })
})
