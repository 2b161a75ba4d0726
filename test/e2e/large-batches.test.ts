import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython, spawnPython } from './python.ts'

interface Seen {
  readonly same: readonly boolean[]
  readonly whole: number
  readonly cut: number
  readonly largest: number
  readonly attached: readonly string[]
}

describe.runIf(hasPython())('upstream batches above the client’s message limit', () => {
  let gateway: GatewayProcess
  let seen: Record<string, Seen>

  beforeAll(async () => {
    const server = spawnPython('large_batches_server.py', [])
    const [line] = (await once(server.stdout!, 'data')) as [Buffer]
    gateway = await GatewayProcess.start({
      sources: { plain: { kind: 'flightsql', uri: `grpc://127.0.0.1:${Number(line)}`, plainCommands: true } },
    })
    seen = await runPython('large_batches.py', gateway.uri)
    server.kill()
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it.each(['plain', 'lz4', 'zstd', 'views', 'dictionary'])('are split by rows without loss: %s', (name) => {
    const { same, whole, cut, largest } = seen[name]!
    expect([same, whole]).toEqual([[true, true], 1])
    expect(cut).toBeGreaterThan(2)
    expect(largest).toBeLessThan(1_000_000)
  })

  it('keep their application metadata, once', () => {
    const { same, cut, attached } = seen['attached']!
    expect(same).toEqual([true, true])
    expect(cut).toBeGreaterThan(3)
    expect(attached).toEqual(['of the first', 'of the second'])
  })
})
