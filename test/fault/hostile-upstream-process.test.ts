import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prefixOf } from '../../src/grpc/message-prefix.ts'
import { frame } from '../../src/http2/frames/frame-writer.ts'
import { FrameType } from '../../src/http2/protocol.ts'
import { endOf } from '../e2e/raw-do-get.ts'
import { byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { infoOf } from '../fakes/flight-messages.ts'
import type { AskedResult, Behaviour } from '../fakes/upstream-behaviours.ts'
import type { UpstreamCall } from '../fakes/upstream-call.ts'
import { Latency } from './latency.ts'
import { WatchedGateway } from './watched-gateway.ts'

/** Mostly V8's heap growth before a garbage collection. */
const MAX_RSS_GROWTH_BYTES = 220 << 20
const ONE_BYTE_FRAMES = 1_200_000

const repeated = (bytes: Buffer, count: number) => Buffer.concat(Array<Buffer>(count).fill(bytes))

/** Sends the headers and the schema. */
async function begun(asked: AskedResult): Promise<UpstreamCall> {
  await asked.rows()
  return asked.call
}

/** Behaviours by statement name, after the schema of the result. */
const attacks: Readonly<Record<string, Behaviour>> = {
  // A message of 8 MiB that never ends.
  bytes: async (asked) => {
    const call = await begun(asked)
    call.send(call.dataFrames(prefixOf(8 << 20)))
    await call.repeat(repeated(call.dataFrames(Buffer.alloc(1, 1)), 1000), ONE_BYTE_FRAMES / 1000)
  },
  // 1.2 million empty messages, as many as the window allows.
  empty: async (asked) => {
    const call = await begun(asked)
    await call.repeat(call.dataFrames(Buffer.alloc(100_000)), 60)
  },
  // Messages with one byte of application metadata.
  tiny: async (asked) => {
    const call = await begun(asked)
    await call.repeatWrite(repeated(Buffer.from([0, 0, 0, 0, 3, 0x1a, 1, 97]), 10_000))
  },
  pings: async (asked) => {
    const call = await begun(asked)
    await call.repeat(repeated(frame(FrameType.ping, 0, 0, Buffer.alloc(8)), 1000))
  },
}

describe('a hostile upstream, next to another client', () => {
  let up: FakeUpstream
  let gateway: WatchedGateway

  beforeAll(async () => {
    const endpoints = infoOf(Array<string>(1_000_000).fill(''))
    up = await FakeUpstream.start({
      login: false,
      behaviours: attacks,
      answer: byMethod({
        GetFlightInfo: ({ sql }) => (sql.startsWith('endpoints') ? { messages: [endpoints] } : false),
      }),
    })
    gateway = await WatchedGateway.start({
      defaultSource: 'demo',
      sources: {
        demo: { kind: 'duckdb' },
        up: { kind: 'flightsql', uri: up.uri, pool: { min: 0, max: 8, healthCheckIntervalMs: 3_600_000 } },
      },
    })
    for (let i = 0; i < 5; i++) await gateway.read({ source: 'demo', sql: 'SELECT 1' })
  })
  afterAll(async () => {
    await gateway.stop()
    await up.stop()
  })

  /** Runs statements of another client during the work, which must not wait for long. */
  async function serveBeside(work: Promise<unknown>): Promise<void> {
    const session = gateway.connect()
    const latency = new Latency(gateway.process.pid)
    let isOver = false
    const watching = (async () => {
      do {
        const { status } = await latency.of(() => gateway.read({ source: 'demo', sql: 'SELECT 1' }, session))
        expect(status).toBe(0)
        await new Promise((resolve) => setTimeout(resolve, 20))
      } while (!isOver)
    })()
    await work
    isOver = true
    await watching
    session.destroy()
    latency.expectShort()
  }

  it.each<[string, string, string]>([
    ['sends endless empty messages', 'empty', 'UPSTREAM_DATA'],
    ['answers with a million endpoints', 'endpoints', 'UPSTREAM_TOO_LARGE'],
  ])('upstream %s: other clients are served', async (_what, sql, error) => {
    const work = Promise.all(Array.from({ length: 3 }, () => gateway.read({ source: 'up', sql: `SELECT ${sql} 0` })))
    await serveBeside(work)
    for (const end of await work) expect(end.error).toBe(error)
  })

  it('upstream sends endless tiny messages, client reads or not: other clients are served, memory is bounded', async () => {
    const before = gateway.process.memory().rssBytes
    const reading = async () => {
      const { stream } = await gateway.open({ source: 'up', sql: 'SELECT tiny 0' })
      const end = endOf(stream)
      stream.removeAllListeners('data')
      stream.resume()
      await new Promise((resolve) => setTimeout(resolve, 2000))
      stream.close(8)
      await end
    }
    const stalling = async () => {
      const { stream } = await gateway.open({ source: 'up', sql: 'SELECT tiny 0' })
      await new Promise((resolve) => setTimeout(resolve, 2000))
      stream.close(8)
    }
    await serveBeside(Promise.all([reading(), reading(), stalling()]))
    expect(gateway.process.memory().rssBytes - before).toBeLessThan(MAX_RSS_GROWTH_BYTES)
    await gateway.expectNothingHeld()
  })

  it('upstream sends a message in one-byte frames: other clients are served, memory is bounded', async () => {
    const before = gateway.process.memory().rssBytes
    const open = async () => {
      const { stream } = await gateway.open({ source: 'up', sql: 'SELECT bytes 0' })
      await new Promise((resolve) => setTimeout(resolve, 4000))
      stream.close(8)
    }
    let most = 0
    const timer = setInterval(() => {
      most = Math.max(most, gateway.process.memory().rssBytes)
    }, 100)
    await serveBeside(Promise.all([open(), open(), open()]))
    clearInterval(timer)
    expect(most - before).toBeLessThan(MAX_RSS_GROWTH_BYTES)
    await gateway.expectNothingHeld()
  })
  // This test is the last, since it opens the circuit breaker.
  it('upstream floods with PING midway: client gets SOURCE_UNAVAILABLE, other clients are served', async () => {
    const work = gateway.read({ source: 'up', sql: 'SELECT pings 0' })
    await serveBeside(work)
    expect((await work).error).toBe('SOURCE_UNAVAILABLE')
  })
})
