import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readJsonBody } from '../../../src/fronts/http/body/json-body.ts'
import { MemoryPool } from '../../../src/grpc/server/requests/memory-budget.ts'

const bounds = { maxBodyBytes: 1000, bodyTimeoutMs: 10_000 }
const requestOf = () => Object.assign(new PassThrough(), { headers: {} }) as unknown as PassThrough & IncomingMessage

describe('memory of bodies', () => {
  it('is taken as they come, and the oldest incomplete body gives way', async () => {
    const pool = new MemoryPool(1000, 0)
    const share = pool.connect('address', () => {})
    const { signal } = new AbortController()
    // A connection may hold a quarter.
    const [first, second] = [requestOf(), requestOf()]
    const [one, two] = [share.openCall(), share.openCall()]
    const firstBody = readJsonBody(first, bounds, { signal, memory: one })
    const refused = expect(firstBody).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    first.write(`"${'x'.repeat(199)}`)
    await expect.poll(() => pool.heldBytes).toBe(200)
    const secondBody = readJsonBody(second, bounds, { signal, memory: two })
    second.write(`"${'y'.repeat(98)}"`)
    await refused
    await expect.poll(() => pool.heldBytes).toBe(100)
    one.close()
    second.end()
    expect(await secondBody).toBe('y'.repeat(98))
    // Until the call ends, since what was parsed is in use.
    expect(pool.heldBytes).toBe(100)
    two.close()
    expect(pool.heldBytes).toBe(0)
  })
})
