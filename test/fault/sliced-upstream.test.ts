import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BATCH_ROWS, byMethod, FakeUpstream } from '../fakes/fake-upstream.ts'
import { batchOf, flightData, infoOf, schemaOf } from '../fakes/flight-messages.ts'
import { printSeedOnFailure, SlicingProxy } from '../fakes/slicing-proxy.ts'
import { UpstreamFixture } from './upstream-fixture.ts'

/** Answers of a server whose only result has this many int64 columns and three batches. */
function wideResult(columns: number): Parameters<typeof byMethod>[0] {
  const schema = schemaOf(...Array.from({ length: columns }, (_, i) => [`a column with the number ${i}`, 'l'] as const))
  const rows = batchOf(columns)
  return {
    GetFlightInfo: () => ({ messages: [infoOf([''], { schema })] }),
    DoGet: () => ({ messages: [flightData(schema), rows, rows, rows] }),
  }
}

describe('an upstream behind a network that splits everything into small pieces', () => {
  let fake: FakeUpstream
  let proxy: SlicingProxy
  let direct: UpstreamFixture
  let sliced: UpstreamFixture

  printSeedOnFailure(() => proxy)
  beforeAll(async () => {
    fake = await FakeUpstream.start()
    proxy = await SlicingProxy.start(fake.port)
  })
  beforeEach(async () => {
    direct = new UpstreamFixture([fake.port])
    sliced = new UpstreamFixture([proxy.port])
    return async () => {
      await expect.poll(() => [direct.pool.stats.inUse, sliced.pool.stats.inUse]).toEqual([0, 0])
      await Promise.all([direct.source.close(), sliced.source.close()])
      await expect.poll(() => fake.openStreams).toBe(0)
    }
  })
  afterAll(async () => {
    await proxy.stop()
    await fake.stop()
  })

  it.each([
    ['ok 0', 0, undefined],
    ['ok 3', 3, undefined],
    ['ok 200', 200, undefined],
    ['drip 3', 3, undefined],
    ['ok 3 then ok 0 then ok 5', 8, undefined],
    ['ok 3 then text 1', 3, 'UPSTREAM_DATA'],
    ['ok 3 then fail 1', 4, 'UPSTREAM_FAILED'],
    ['no-schema', 0, 'UPSTREAM_DATA'],
    ['short 2', 2, 'UPSTREAM_DATA'],
    ['truncated 2', 2, 'UPSTREAM_DATA'],
    ['second-schema 2', 2, 'UPSTREAM_DATA'],
    ['fail 2', 2, 'UPSTREAM_FAILED'],
    ['unavailable 2', 2, 'UPSTREAM_BUSY'],
    // A reset may discard data sent before it.
    ['rst 2', undefined, 'SOURCE_UNAVAILABLE'],
    ['no-status 2', undefined, 'SOURCE_UNAVAILABLE'],
    ['cut 2', undefined, 'SOURCE_UNAVAILABLE'],
    ['plan 3', 0, 'BAD_SQL'],
    ['plan 16', 0, 'UPSTREAM_LOGIN'],
  ])('gives the same outcome as without that network: %s', async (sql, batches, code) => {
    const rows = batches === undefined ? expect.any(Number) : batches * BATCH_ROWS
    const expected = { rows, ...(code && { code }) }
    expect(await direct.read(sql)).toEqual(expected)
    expect(await sliced.read(sql)).toEqual(expected)
  })

  it('relays a result with a wide schema that arrives in many pieces', async () => {
    const wide = await FakeUpstream.start({ answer: byMethod(wideResult(500)) })
    const front = await SlicingProxy.start(wide.port)
    const fixture = new UpstreamFixture([front.port])
    expect(await fixture.read('SELECT wide')).toEqual({ rows: 3 * BATCH_ROWS })
    await fixture.source.close()
    await front.stop()
    await wide.stop()
  })

  it('serves 50 concurrent statements', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => sliced.read('ok 5')))
    expect(all).toEqual(Array(50).fill({ rows: 5 * BATCH_ROWS }))
  })
})
