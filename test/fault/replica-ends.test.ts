import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cluster } from '../e2e/cluster.ts'
import { type CallEnd, FlightStub, ticketOf } from '../e2e/flight-stub.ts'
import { hasPython } from '../e2e/python.ts'
import { hasHaproxy } from '../fakes/haproxy/haproxy.ts'

const key = { 'x-api-key': 'etl-key' }
const SMALL = 'SELECT 42 AS answer'
const LONG = 'SELECT range AS i FROM range(500000)'
const UNAVAILABLE = 14

/** How a statement ended that ran while a replica ended. */
interface Outcome {
  readonly code: number
  readonly details: string
  /** Code of the same statement when it was repeated at once; undefined if it was not. */
  readonly repeated?: number
}

describe.skipIf(!hasHaproxy() || !hasPython())('a replica ends while clients run small and long statements', () => {
  let cluster: Cluster

  beforeAll(async () => {
    // Longer than a few health checks of the proxy, also on a machine that is busy.
    cluster = await Cluster.start({ replica: { drain: { notReadyMs: 6000, graceMs: 60_000 } } })
  })
  afterAll(async () => {
    await cluster.stop()
  })

  /** Runs statements of some clients until `during` has ended. */
  async function load(during: () => Promise<void>): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = []
    let isOver = false
    const client = async (sql: string) => {
      const stub = new FlightStub(cluster.proxy.flight, { 'grpc.use_local_subchannel_pool': 1 })
      while (!isOver) {
        const { code, details } = await run(stub, sql)
        outcomes.push(code === 0 ? { code, details } : { code, details, repeated: (await run(stub, sql)).code })
      }
      stub.close()
    }
    const clients = [...Array(8).fill(SMALL), ...Array(3).fill(LONG)].map(client)
    await during().finally(() => {
      isOver = true
    })
    await Promise.all(clients)
    return outcomes
  }

  async function run(stub: FlightStub, sql: string): Promise<Pick<CallEnd, 'code' | 'details'>> {
    try {
      return await stub.call('DoGet', [ticketOf(await stub.info(sql, key))], key)
    } catch (error) {
      const [, code, details] = /^(\d+): (.*)$/s.exec((error as Error).message)!
      return { code: Number(code), details: details! }
    }
  }

  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

  it('SIGTERM: it drains, the proxy leaves it out, and no call fails', async () => {
    const outcomes = await load(async () => {
      await pause(500)
      cluster.replicas[0]!.signal('SIGTERM')
      expect(await cluster.replicas[0]!.exited).toBe(0)
      await pause(500)
    })
    expect(outcomes.length).toBeGreaterThan(10)
    expect(outcomes.filter(({ code }) => code !== 0)).toEqual([])
  })

  it('SIGKILL: only its calls fail, as UNAVAILABLE or cut off, and succeed when they are repeated', async () => {
    const outcomes = await load(async () => {
      await pause(500)
      cluster.replicas[1]!.signal('SIGKILL')
      await pause(2000)
    })
    const failed = outcomes.filter(({ code }) => code !== 0)
    for (const { code, details, repeated } of failed) {
      // HAProxy ends an answer that has begun without a status, which clients show as INTERNAL.
      if (code !== UNAVAILABLE) expect(details).toContain('without gRPC status')
      expect(repeated).toBe(0)
    }
    // Each client has one call at a time.
    expect(failed.length).toBeLessThanOrEqual(11)
    expect(outcomes.length).toBeGreaterThan(10)
  })
})
