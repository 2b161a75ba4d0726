import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { BATCH_ROWS, FakeUpstream } from '../fakes/fake-upstream.ts'
import { freePort } from '../fakes/servers.ts'
import { UpstreamFixture } from './upstream-fixture.ts'

describe('a result whose parts lie at other nodes', () => {
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

  it('is fetched there, with the same login', async () => {
    lead.locations = [[uri(node)]]
    expect(await fixture.read('rows 2')).toEqual({ rows: 2 * BATCH_ROWS })
    expect([lead.counts.executions, node.counts.executions]).toEqual([0, 1])
    expect(node.counts.handshakes).toBe(1)
    // The next result finds the connection.
    expect(await fixture.read('rows 2')).toEqual({ rows: 2 * BATCH_ROWS })
    expect(node.counts).toMatchObject({ connections: 1, executions: 2 })
    expect(inUse()).toBe(0)
    expect(fixture.events.destroyed).toEqual([])
  })

  it('gives the connection to the lead back as soon as no part of it is left there', async () => {
    lead.locations = [[uri(node)]]
    const { frames } = await fixture.run('hang 1')
    expect(inUse()).toBe(0)
    await frames[Symbol.asyncIterator]().return?.()
  })

  it('comes in the order of its parts, from wherever they lie', async () => {
    lead.locations = [[], [uri(node)], ['arrow-flight-reuse-connection://?'], [uri(node)]]
    expect(await fixture.read('rows 1 then rows 2 then rows 3 then rows 4')).toEqual({ rows: 10 * BATCH_ROWS })
    expect([lead.counts.executions, node.counts.executions]).toEqual([2, 2])
    expect(inUse()).toBe(0)
  })

  it('is fetched at the next location when one cannot be reached, which is told in the log', async () => {
    const dead = `grpc://127.0.0.1:${await freePort()}`
    lead.locations = [[dead, uri(node)]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect(node.counts.executions).toBe(1)
    expect(fixture.lines.some(({ fields }) => 'address' in fields && fields.address === dead)).toBe(true)
    expect(fixture.source.pools.all[0]!.state).toBe('closed')
  })

  it('is asked of the lead when no location can be reached, or none is of Flight', async () => {
    lead.locations = [[`grpc://127.0.0.1:${await freePort()}`]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    lead.locations = [['https://127.0.0.1:1/rows.parquet']]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect(lead.counts.executions).toBe(2)
  })

  it('is asked of the lead alone with followLocations: false', async () => {
    await fixture.source.close()
    fixture = new UpstreamFixture([lead.port], { followLocations: false })
    lead.locations = [[uri(node)]]
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect([lead.counts.executions, node.counts.connections]).toEqual([1, 0])
  })

  it.each(['fail', 'cut', 'rst', 'no-schema'])('a node that ends it by %s does not harm the lead', async (how) => {
    lead.locations = [[uri(node)]]
    // Fewer than open the node's circuit breaker.
    for (let i = 0; i < 4; i++) expect((await fixture.read(`${how} 1`)).code).toMatch(/^(UPSTREAM_|SOURCE_)/)
    expect(fixture.source.pools.all[0]!.state).toBe('closed')
    lead.locations = []
    expect(await fixture.read('rows 1')).toEqual({ rows: BATCH_ROWS })
    expect(lead.counts.executions).toBe(1)
    expect(lead.sessions.size).toBe(lead.counts.connections)
    expect(inUse()).toBe(0)
  })

  it('ends with UPSTREAM_DATA when a part of it has another schema', async () => {
    lead.locations = [[], [uri(node)]]
    expect(await fixture.read('rows 1 then text 1')).toEqual({ rows: BATCH_ROWS, code: 'UPSTREAM_DATA' })
    expect(inUse()).toBe(0)
  })

  it('a reader that leaves stops the part at its node', async () => {
    lead.locations = [[uri(node)]]
    const { frames } = await fixture.run('drip 1000')
    const rows = frames[Symbol.asyncIterator]()
    await rows.next()
    await rows.return?.()
    await expect.poll(() => node.ended.cancelled).toBe(1)
  })

  it('a cancel while a node does not answer ends it', async () => {
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

  it('keeps connections to a bounded number of locations', async () => {
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
