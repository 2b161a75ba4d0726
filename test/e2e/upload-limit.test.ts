import { describe, expect, it } from 'vitest'
import { commandOf, FlightStub } from './flight-stub.ts'
import { GatewayProcess } from './gateway-process.ts'
import { hasPython, runPython } from './python.ts'

const MIB = 1 << 20
const sources = { demo: { kind: 'duckdb', writes: true } }

describe.skipIf(!hasPython())('uploads above the message limit', () => {
  it('pass in smaller chunks, or in one message if both sides raise their limits', async () => {
    const usual = await GatewayProcess.start({ sources })
    const tooLarge = { text: expect.stringMatching(/larger than max|Failed to insert/) }
    expect(await runPython('upload_limit.py', usual.uri)).toEqual({
      one_chunk: expect.objectContaining(tooLarge),
      small_chunks: 3_000_000,
      frame: expect.objectContaining(tooLarge),
      many_parameters: 300,
    })
    // The gateway refuses a client that sends more anyway.
    expect(await runPython('upload_limit.py', usual.uri, String(64 * MIB))).toMatchObject({
      one_chunk: { text: expect.stringContaining('maxInboundMessageBytes') },
    })
    const raised = await GatewayProcess.start({ sources, limits: { maxInboundMessageBytes: 64 * MIB } })
    expect(await runPython('upload_limit.py', raised.uri, String(64 * MIB))).toEqual({
      one_chunk: 3_000_000,
      small_chunks: 3_000_000,
      frame: 3_000_000,
      many_parameters: 300,
    })
    for (const each of [usual, raised]) expect(await each.stop()).toBe(0)
  })
})

describe('metadata above limits.maxMetadataBytes', () => {
  it.each([66, 200])('of %i KiB: the call ends with RESOURCE_EXHAUSTED, the connection stays open', async (kib) => {
    const gateway = await GatewayProcess.start()
    const stub = new FlightStub(gateway.flight)
    const call = (header: string) => stub.call('GetFlightInfo', [commandOf('SELECT 1')], { 'x-large': header })
    expect((await call('a'.repeat(kib * 1024))).code).toBe(8)
    expect((await call('a'.repeat(60 * 1024))).code).toBe(0)
    stub.close()
    expect(await gateway.stop()).toBe(0)
  })
})
