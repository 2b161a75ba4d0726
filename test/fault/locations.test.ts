import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { UpstreamFixture } from './upstream-fixture.ts'

/** No server listens at this port, and no free port is it. */
const DEAD = 'grpc://127.0.0.1:1'

describe('a result with parts at other nodes', () => {
  let lead: FakeUpstream
  let node: FakeUpstream
  let fixture: UpstreamFixture
  const uri = ({ port }: { port: number }) => `grpc://127.0.0.1:${port}`

  beforeEach(async () => {
    lead = await FakeUpstream.start()
    node = await FakeUpstream.start()
    fixture = new UpstreamFixture([lead.port])
  })

  afterEach(async () => {
    await fixture.source.close()
    await Promise.all([lead.stop(), node.stop()])
  })

  const inUse = () => fixture.pool.stats.inUse

  it('is fetched from those nodes with the same login', async () => {
    lead.locations = [[uri(node)]]
    expect(await fixture.read('rows 2')).toEqual({ rows: 2 * BATCH_ROWS })
    expect([lead.counts.executions, node.counts.executions]).toEqual([0, 1])
    expect(node.counts.handshakes).toBe(1)
    // The next result reuses the connection.
    expect(await fixture.read('rows 2')).toEqual({ rows: 2 * BATCH_ROWS })
    expect(node.counts).toMatchObject({ connections: 1, executions: 2 })
    expect(inUse()).toBe(0)
    expect(fixture.events.destroyed).toEqual([])
  })

  it('returns the lead’s lease as soon as no part remains at the lead', async () => {
    lead.locations = [[uri(node)]]
    const { frames } = await fixture.run('hang 1')
    expect(inUse()).toBe(0)
    await frames[Symbol.asyncIterator]().return?.()
  })

  it('delivers its parts in order, from any node', async () => {
    lead.locations = [[], [uri(node)], ['arrow-flight-reuse-connection://?'], [uri(node)]]
    expect(await fixture.read('rows 1 then rows 2 then rows 3 then rows 4')).toEqual({ rows: 10 * BATCH_ROWS })
    expect([lead.counts.executions, node.counts.executions]).toEqual([2, 2])
    expect(inUse()).toBe(0)
  })

  it('first location unreachable: fetched from the next one, and logged', async () => {
    lead.locations = [[DEAD, uri(node)]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect(node.counts.executions).toBe(1)
    expect(fixture.lines.some(({ fields }) => 'address' in fields && fields.address === DEAD)).toBe(true)
    expect(fixture.source.pools.all[0]!.state).toBe('closed')
  })

  it('no location reachable or none of Flight: fetched from the lead', async () => {
    lead.locations = [[DEAD]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    lead.locations = [['https://127.0.0.1:1/rows.parquet']]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect(lead.counts.executions).toBe(2)
  })

  it('followLocations: false: fetched from the lead alone', async () => {
    await fixture.source.close()
    fixture = new UpstreamFixture([lead.port], { followLocations: false })
    lead.locations = [[uri(node)]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect([lead.counts.executions, node.counts.connections]).toEqual([1, 0])
  })

  it.each(['fail', 'cut', 'rst', 'no-schema'])(
    'node fails by %s: client gets an error, the lead’s connection and breaker are unaffected',
    async (how) => {
      lead.locations = [[uri(node)]]
      // Fewer failures than would open the node's circuit breaker.
      for (let i = 0; i < 4; i++) expect((await fixture.read(`${how} 1`)).code).toMatch(/^(UPSTREAM_|SOURCE_)/)
      expect(fixture.source.pools.all[0]!.state).toBe('closed')
      lead.locations = []
      expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
      expect(lead.counts.executions).toBe(1)
      expect(lead.sessions.size).toBe(lead.counts.connections)
      expect(inUse()).toBe(0)
    },
  )

  it('one part has another schema: client gets UPSTREAM_DATA', async () => {
    lead.locations = [[], [uri(node)]]
    expect(await fixture.read('rows 1 then text 1')).toEqual({ rows: BATCH_ROWS, code: 'UPSTREAM_DATA' })
    expect(inUse()).toBe(0)
  })

  it('reader leaves: the stream at the node is cancelled', async () => {
    lead.locations = [[uri(node)]]
    const { frames } = await fixture.run('drip 1000')
    const rows = frames[Symbol.asyncIterator]()
    await rows.next()
    await rows.return?.()
    await expect.poll(() => node.ended.cancelled).toBe(1)
  })

  it('client cancels while a node hangs: the result ends, the stream at the node is cancelled', async () => {
    lead.locations = [[], [uri(node)]]
    const cancel = new AbortController()
    const ctx = { ...fixture.context(), signal: cancel.signal }
    const { frames } = await fixture.run('rows 1 then hang-before-headers', ctx)
    const rows = frames[Symbol.asyncIterator]()
    await rows.next()
    const last = rows.next()
    await expect.poll(() => node.counts.executions).toBe(1)
    cancel.abort(new GatewayError('CANCELLED'))
    await expect(last).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect.poll(() => node.ended.cancelled).toBe(1)
    expect(inUse()).toBe(0)
  })

  it('many locations: connections are kept to at most 32 of them', async () => {
    const nodes = await Promise.all(Array.from({ length: 40 }, () => FakeUpstream.start()))
    try {
      for (const each of nodes) {
        lead.locations = [[uri(each)]]
        expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
      }
      await expect.poll(() => nodes.filter(({ sessions }) => sessions.size > 0).length).toBe(32)
    } finally {
      await Promise.all(nodes.map((each) => each.stop()))
    }
  })
})
