import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FrameReader } from '../../src/http2/frames/frame-reader.ts'
import { frame, numberFrame, settingsFrame } from '../../src/http2/frames/frame-writer.ts'
import { encodeHeaders } from '../../src/http2/hpack/header-encoder.ts'
import { ErrorCode, FrameFlag, FrameType, PREFACE, Setting } from '../../src/http2/protocol.ts'
import { commandOf, FlightStub } from '../e2e/flight-stub.ts'
import { GatewayProcess } from '../e2e/gateway-process.ts'
import { endOf, openCall } from '../e2e/raw-do-get.ts'
import { Latency } from './latency.ts'

const ATTACKERS = 4
const ATTACK_MS = 700
/** What connections may leave behind once the garbage has been collected: code and caches, but nothing for each connection. */
const MAX_RETAINED_BYTES = 8 << 20
/**
 * Growth of the process. A flood is read into fresh memory as fast as it comes; V8 collects it once the garbage is a few times
 * as large as what is in use, and the allocator keeps part of what it frees. So this does not grow from flood to flood.
 */
const MAX_GROWTH_BYTES = 512 << 20

const request = (path: string) =>
  encodeHeaders([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'x'],
    ['content-type', 'application/grpc'],
  ])
const call = request('/arrow.flight.protocol.FlightService/DoExchange')
const nothing = Buffer.alloc(0)
const many = (count: number, one: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => one(i)))
const open = (i: number, flags = 0, block = call) =>
  frame(FrameType.headers, FrameFlag.endHeaders | flags, 2 * i + 1, block)
const begin = Buffer.concat([PREFACE, settingsFrame([])])
/** A field with incremental indexing: `x` with 3,900 bytes. */
const remembered = Buffer.concat([Buffer.from('4001787fbd1d', 'hex'), Buffer.alloc(3900, 0x61)])
/** A request with a literal of 70,000 bytes of Huffman code. */
const huffman = (i: number) => {
  const block = Buffer.concat([call, Buffer.from('000178fff1a104', 'hex'), Buffer.alloc(70_000)])
  const parts = [frame(FrameType.headers, 0, 2 * i + 1, block.subarray(0, 16_384))]
  for (let at = 16_384; at < block.length; at += 16_384) {
    const flags = at + 16_384 >= block.length ? FrameFlag.endHeaders : 0
    parts.push(frame(FrameType.continuation, flags, 2 * i + 1, block.subarray(at, at + 16_384)))
  }
  return Buffer.concat(parts)
}

const floods: readonly (readonly [string, Buffer])[] = [
  ['Rapid Reset', many(8000, (i) => Buffer.concat([open(i), numberFrame(FrameType.rstStream, 2 * i + 1, 8)]))],
  ['MadeYouReset', many(8000, (i) => Buffer.concat([open(i), numberFrame(FrameType.windowUpdate, 2 * i + 1, 0)]))],
  [
    'CONTINUATION',
    Buffer.concat([
      frame(FrameType.headers, 0, 1, call),
      many(64, () => frame(FrameType.continuation, 0, 1, Buffer.alloc(16_384, 0x82))),
    ]),
  ],
  [
    'empty CONTINUATION',
    Buffer.concat([
      frame(FrameType.headers, 0, 1, call),
      many(20_000, () => frame(FrameType.continuation, 0, 1, nothing)),
    ]),
  ],
  [
    'an HPACK bomb',
    Buffer.concat([
      open(0, FrameFlag.endStream, Buffer.concat([call, remembered])),
      open(1, FrameFlag.endStream, Buffer.concat([call, Buffer.alloc(16_000, 0xbe)])),
    ]),
  ],
  [
    'metadata that the table expands',
    Buffer.concat([
      open(0, FrameFlag.endStream, Buffer.concat([call, remembered])),
      many(1000, (i) => open(i + 1, 0, Buffer.concat([call, Buffer.alloc(15, 0xbe)]))),
    ]),
  ],
  ['header blocks of Huffman code', many(600, huffman)],
  ['malformed requests', many(15_000, (i) => open(i, FrameFlag.endStream, encodeHeaders([['a', 'b']])))],
  ['SETTINGS', many(20_000, (i) => settingsFrame([[Setting.initialWindowSize, i]]))],
  ['PING', many(20_000, () => frame(FrameType.ping, 0, 0, Buffer.alloc(8)))],
  ['WINDOW_UPDATE', many(20_000, () => numberFrame(FrameType.windowUpdate, 0, 1))],
  ['RST_STREAM', Buffer.concat([open(0), many(20_000, () => numberFrame(FrameType.rstStream, 1, 8))])],
  ['GOAWAY', many(20_000, () => frame(FrameType.goaway, 0, 0, Buffer.alloc(8)))],
  ['PRIORITY', many(20_000, () => frame(FrameType.priority, 0, 1, Buffer.alloc(5)))],
  ['empty DATA', Buffer.concat([open(0), many(20_000, () => frame(FrameType.data, 0, 1, nothing))])],
  ['DATA of one byte', Buffer.concat([open(0), many(20_000, () => frame(FrameType.data, 0, 1, Buffer.alloc(1)))])],
]

/** Repeatedly connects, sends the bytes and waits for the gateway to disconnect; returns how often it did, and the GOAWAY codes. */
async function attack(port: number, bytes: Buffer, until: number) {
  const codes = new Set<number>()
  let ended = 0
  while (Date.now() < until) {
    const reader = new FrameReader(1 << 24, {
      onData() {},
      onDataEnd() {},
      onFrame: (type, _, __, payload) => type === FrameType.goaway && codes.add(payload.readUInt32BE(4)),
    })
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.on('data', (data: Buffer) => reader.push(data))
    const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)))
    socket.write(begin)
    socket.write(bytes)
    const patience = new Promise<false>((resolve) => setTimeout(resolve, 30_000, false))
    if (await Promise.race([closed, patience])) ended++
    else socket.destroy()
  }
  return { ended, codes: [...codes] }
}

describe('a flood from an unauthenticated client', () => {
  let gateway: GatewayProcess
  let stub: FlightStub
  let port: number
  let rssBytes: number
  let retainedBytes: number
  /** Memory that the gateway has in use, without garbage. */
  const retained = async () => {
    const seen = gateway.lines.length
    gateway.signal('SIGUSR2')
    const { bytes } = await gateway.line((line) => gateway.lines.indexOf(line) >= seen && line['event'] === 'retained')
    return bytes as number
  }

  beforeAll(async () => {
    gateway = await GatewayProcess.start(
      { auth: { apiKeys: [{ name: 'dash', key: 'secret' }] }, sources: { demo: { kind: 'duckdb' } } },
      { NODE_OPTIONS: `--import ${new URL('retained-memory.ts', import.meta.url)}` },
    )
    port = Number(gateway.flight.split(':').at(-1))
    stub = new FlightStub(gateway.flight)
    expect((await stub.call('GetFlightInfo', [commandOf('SELECT 1')], { 'x-api-key': 'secret' })).code).toBe(0)
    rssBytes = gateway.memory().rssBytes
    retainedBytes = await retained()
  })
  afterAll(async () => {
    stub.close()
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it.each(floods)(
    'of %s: its connections are closed, other clients are served in time, memory is bounded',
    async (_, bytes) => {
      const until = Date.now() + ATTACK_MS
      const attackers = Promise.all(Array.from({ length: ATTACKERS }, () => attack(port, bytes, until)))
      const latency = new Latency(gateway.pid)
      const headers = { 'x-api-key': 'secret' }
      while (Date.now() < until) {
        const { code, details } = await latency.of(() => stub.call('GetFlightInfo', [commandOf('SELECT 1')], headers))
        expect([code, details]).toEqual([0, ''])
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const results = await attackers
      for (const { ended, codes } of results) {
        expect(ended).toBeGreaterThan(0)
        expect(codes).toEqual([ErrorCode.enhanceYourCalm])
      }
      latency.expectShort()
      expect(gateway.memory().rssBytes - rssBytes).toBeLessThan(MAX_GROWTH_BYTES)
      await expect.poll(async () => (await retained()) - retainedBytes).toBeLessThan(MAX_RETAINED_BYTES)
    },
  )
})

describe('connections of an unauthenticated client', () => {
  let gateway: GatewayProcess
  const sockets: Socket[] = []
  const start = async (limits: object) => {
    gateway = await GatewayProcess.start({ auth: { apiKeys: [{ name: 'dash', key: 'secret' }] }, limits })
  }
  /** Opens connections that begin HTTP/2 and make no call. */
  const crowd = async (count: number, localAddress: string) => {
    const port = Number(gateway.flight.split(':').at(-1))
    for (let i = 0; i < count; i++) {
      const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {})
      sockets.push(socket)
      socket.resume().write(begin)
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
    }
  }
  const session = () => connectHttp2(`http://${gateway.flight}`).on('error', () => {})
  const select = (over: ReturnType<typeof session>) =>
    endOf(openCall(over, 'GetFlightInfo', commandOf('SELECT 1'), { 'x-api-key': 'secret' }))
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    expect(await gateway.stop()).toBe(0)
  })

  it('are evicted for clients of other addresses; authenticated connections stay', async () => {
    await start({ maxConnections: 40 })
    const known = session()
    expect((await select(known)).status).toBe(0)
    await crowd(100, '127.0.0.2')
    const newcomer = session()
    expect((await select(newcomer)).status).toBe(0)
    await crowd(100, '127.0.0.3')
    await crowd(100, '127.0.0.2')
    expect((await select(known)).status).toBe(0)
    expect((await select(newcomer)).status).toBe(0)
    expect(await gateway.metric('flightgate_connections')).toBeLessThanOrEqual(40)
    known.destroy()
    newcomer.destroy()
  })

  it('are evicted for clients of the same address after authenticateWithinMs', async () => {
    await start({ maxConnections: 20, authenticateWithinMs: 500 })
    await crowd(20, '127.0.0.1')
    // The time of each begins when the gateway accepts it.
    const newcomer = async () => {
      const over = session()
      const { status } = await select(over)
      over.destroy()
      return status
    }
    await expect.poll(newcomer).toBe(0)
  })

  it('are limited per address, as are the resets of all of them together', async () => {
    await start({ maxConnections: 1000, maxConnectionsPerAddress: 10 })
    await crowd(30, '127.0.0.2')
    await expect.poll(() => gateway.metric('flightgate_connections')).toBe(10)
    const port = Number(gateway.flight.split(':').at(-1))
    // Below the limit of one connection; all connections together exceed the limit of the address.
    const page = encodeHeaders([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
    ])
    const cancels = many(3900, (i) =>
      Buffer.concat([open(i, 0, page), numberFrame(FrameType.rstStream, 2 * i + 1, ErrorCode.cancel)]),
    )
    const pong = frame(FrameType.ping, 0, 0, Buffer.alloc(8))
    const isCutOff = () =>
      new Promise<boolean>((resolve) => {
        const reader = new FrameReader(1 << 24, {
          onData() {},
          onDataEnd() {},
          onFrame(type) {
            if (type !== FrameType.ping && type !== FrameType.goaway) return
            socket.destroy()
            resolve(type === FrameType.goaway)
          },
        })
        const socket = connect(port, '127.0.0.1').on('error', () => resolve(true))
        socket.on('data', (data: Buffer) => reader.push(data))
        socket.write(Buffer.concat([begin, cancels, pong]))
      })
    let connections = 1
    while (!(await isCutOff())) expect(connections++).toBeLessThan(60)
    expect(connections).toBeGreaterThan(5)
  })
})
