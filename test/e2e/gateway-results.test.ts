import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython, spawnPython } from './python.ts'

interface Seen {
  readonly same: readonly boolean[]
  readonly parts: readonly [whole: number, cut: number]
  readonly largest: number
  readonly batch: boolean
}

/** As the script announces it. */
const LIMIT = 1_000_000

describe.runIf(hasPython())('results of the Gateway service, read by pyarrow', () => {
  let gateway: GatewayProcess
  let seen: Record<string, Seen> & { readonly largest: number }

  beforeAll(async () => {
    const server = spawnPython('large_batches_server.py', [])
    const [line] = (await once(server.stdout!, 'data')) as [Buffer]
    gateway = await GatewayProcess.start({
      sources: {
        demo: { kind: 'duckdb', writes: true },
        plain: { kind: 'flightsql', uri: `grpc://127.0.0.1:${Number(line)}` },
      },
      defaultSource: 'demo',
    })
    seen = await runPython('gateway_results.py', gateway.flight)
    server.kill()
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
    expect(gateway.noise).toEqual([])
  })

  it.each(['plain', 'lz4', 'zstd', 'views', 'dictionary', 'all types', 'enum', 'no rows', 'no columns'])(
    'are those of Flight, whole and cut to the message limit, also in a batch: %s',
    (name) => {
      const { same, largest, batch } = seen[name]!
      expect([same, batch]).toEqual([[true, true], true])
      expect(largest).toBeLessThanOrEqual(LIMIT)
    },
  )

  it('batches above the limit are cut', () => {
    for (const name of ['plain', 'lz4', 'zstd', 'views', 'dictionary'])
      expect(seen[name]!.parts[1]).toBeGreaterThan(seen[name]!.parts[0])
    expect(seen.largest).toBeLessThanOrEqual(LIMIT)
  })
})
