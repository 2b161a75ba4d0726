import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SourceHealth, SourceStatus } from '../../../src/query/control/source-status.ts'
import { Router } from '../../../src/query/router.ts'
import type { Source } from '../../../src/query/source.ts'
import { FakeUpstream } from '../../fakes/fake-upstream.ts'
import { UpstreamFixture } from '../../fault/upstream-fixture.ts'

const lena = { name: 'lena', roles: ['reader'] }
const nadja = { ...lena, defaultSource: 'UP' }

describe('the status of sources', () => {
  let upstream: FakeUpstream
  let fixture: UpstreamFixture
  let status: SourceStatus
  const health: Record<string, SourceHealth> = { demo: { state: 'unknown' }, up: { state: 'up', since: 5 } }
  beforeEach(async () => {
    upstream = await FakeUpstream.start()
    // Nothing listens on the second address.
    fixture = new UpstreamFixture([Number(upstream.uri.split(':').at(-1)), 1], {}, { max: 3 })
    const demo = { name: 'demo', kind: 'duckdb', writes: true } as Source
    status = new SourceStatus({
      router: new Router([demo, fixture.source], 'demo'),
      healthOf: (source) => health[source]!,
      isDraining: () => false,
      slotsOf: () => ({ slots: 8, inUse: 3, queued: 2 }),
    })
  })
  afterEach(async () => {
    await fixture.source.close()
    await upstream.stop()
  })

  it("lists the sources in the order of the configuration, with the caller's default", () => {
    expect(status.list(lena)).toEqual([
      { name: 'demo', kind: 'duckdb', writes: true, isDefault: true, health: { state: 'unknown' }, isDraining: false },
      {
        name: 'up',
        kind: 'flightsql',
        writes: false,
        isDefault: false,
        health: { state: 'up', since: 5 },
        isDraining: false,
      },
    ])
    expect(status.list(nadja).map(({ isDefault }) => isDefault)).toEqual([false, true])
  })

  it('tells the slots of a source by its name or its kind; an embedded engine has no endpoints', () => {
    expect(status.get('DuckDB', lena)).toMatchObject({
      name: 'demo',
      slots: { total: 8, used: 3, queued: 2 },
      endpoints: [],
    })
    expect(() => status.get('other', lena)).toThrow(expect.objectContaining({ code: 'UNKNOWN_SOURCE' }))
  })

  it('tells the connections of each server, over the pools of all sessions', async () => {
    const [here, there] = fixture.source.pools.all.map(({ name }) => name)
    const idle = {
      breaker: 'closed',
      breakerMode: 'automatic',
      connections: 0,
      busyConnections: 0,
      waiting: 0,
      maxConnections: 3,
    }
    expect(status.get('up', lena).endpoints).toEqual([
      { ...idle, address: here },
      { ...idle, address: there },
    ])
    const { frames } = await fixture.run('hang')
    const iterator = frames[Symbol.asyncIterator]()
    await iterator.next()
    expect(status.get('up', lena).endpoints[0]).toEqual({ ...idle, address: here, connections: 1, busyConnections: 1 })
    fixture.source.pools.of('another schema')
    expect(status.get('up', lena).endpoints[0]).toMatchObject({ connections: 1, maxConnections: 6 })
    await iterator.return?.()
  })

  it('tells the state of the circuit breaker of a server that keeps failing', async () => {
    await upstream.stop()
    for (let i = 0; i < 8; i++) expect(await fixture.read('ok')).toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
    expect(status.get('up', lena).endpoints.map(({ breaker }) => breaker)).toEqual(['open', 'open'])
  })
})
