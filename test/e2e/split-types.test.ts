import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython, spawnPython } from './python.ts'

describe.runIf(hasPython())('a batch above the client’s message limit', () => {
  let gateway: GatewayProcess
  let seen: Record<string, { pieces: number; same: boolean }>

  beforeAll(async () => {
    const server = spawnPython('split_types_server.py', [])
    const [line] = (await once(server.stdout!, 'data')) as [Buffer]
    gateway = await GatewayProcess.start({
      sources: { plain: { kind: 'flightsql', uri: `grpc://127.0.0.1:${Number(line)}`, plainCommands: true } },
    })
    seen = await runPython('split_types.py', gateway.uri)
    server.kill()
  })
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0)
  })

  it('is split by rows for every column type, and pyarrow reads the same values', () => {
    const wrong = Object.entries(seen).filter(([, { pieces, same }]) => !(pieces > 1 && same))
    expect(wrong).toEqual([])
    expect(Object.keys(seen).length).toBeGreaterThan(100)
  })
})
