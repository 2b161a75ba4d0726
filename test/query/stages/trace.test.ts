import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/query/errors.ts'
import { traceSource, traceStatements } from '../../../src/query/stages/trace.ts'
import type { Context, Plan, PlannedRead, Query, Result } from '../../../src/query/types.ts'
import { RecordedSpan } from '../../fakes/recorded-span.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const query: Query = { source: 'lake', sql: "SELECT 'a secret'", session: {}, purpose: 'any' }
const planned: PlannedRead = { kind: 'read', query }
const contextOf = (span?: RecordedSpan): Context => ({
  principal: { name: 'dash', roles: ['reader'] },
  signal: new AbortController().signal,
  deadlineAt: Number.POSITIVE_INFINITY,
  requestId: 'r1',
  log: silent,
  ...(span && { span }),
})
const frame = (rows: number) => ({ chunks: [], byteLength: 8 * rows, rows })
/** A result of two batches. */
const resultOf = (more?: () => void): Result => ({
  schema: frame(0),
  frames: (async function* () {
    yield [frame(3)]
    more?.()
    yield [frame(2)]
  })(),
  stats: { rows: 0, bytes: 0, affectedRows: -1 },
})
const drained = async ({ frames }: Result) => {
  for await (const _ of frames);
}
const later = () => new Promise((resolve) => setImmediate(resolve))
const outer = traceStatements('hash', () => 'duckdb')
const inner = traceSource()

describe('the stages of tracing', () => {
  it('a call without a span: nothing changes, not even the context', async () => {
    const ctx = contextOf()
    const result = resultOf()
    expect(await outer.run!(planned, ctx, async (_, given) => (given === ctx ? result : resultOf()))).toBe(result)
    expect(await inner.run!(planned, ctx, async (_, given) => (given === ctx ? result : resultOf()))).toBe(result)
    const plan = planned as Plan
    expect(await outer.plan!(query, ctx, async (_, given) => (given === ctx ? plan : { ...plan }))).toBe(plan)
  })

  it('a statement: its span covers the reading, with what the stages told; the text stays out', async () => {
    const root = new RecordedSpan()
    const result = await outer.run!(planned, contextOf(root), async (plan, ctx) => {
      ctx.trace!.queryId = 'q1'
      ctx.trace!.cache = { result: 'MISS' }
      return await inner.run!(plan, ctx, async () => resultOf())
    })
    const [statement] = root.children
    expect(statement!.outcome).toBe('open')
    await drained(result)
    await later()
    expect(statement).toMatchObject({
      name: 'statement',
      outcome: 'ok',
      attributes: {
        'flightgate.source': 'lake',
        'flightgate.principal': 'dash',
        'flightgate.query_id': 'q1',
        'flightgate.cache': 'MISS',
        'flightgate.rows': 5,
        'flightgate.bytes': 40,
        'db.system.name': 'duckdb',
      },
    })
    expect(statement!.children.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['first byte', 'ok'],
      ['stream', 'ok'],
    ])
    expect(JSON.stringify(root)).not.toContain('secret')
  })

  it.each(['text', 'none'] as const)('what spans hold of statements: %s', async (statements) => {
    const root = new RecordedSpan()
    await outer.plan!(query, contextOf(root), async () => planned as Plan)
    const stage = traceStatements(statements, () => undefined)
    await stage.plan!(query, contextOf(root), async () => planned as Plan)
    const { attributes } = root.children[1]!
    expect(attributes['db.query.text']).toBe(statements === 'text' ? query.sql : undefined)
    expect(attributes['flightgate.sql_hash']).toEqual(statements === 'text' ? expect.any(String) : undefined)
  })

  it('a plan and a stream that fail, and a reader that leaves: the spans end with the error', async () => {
    const root = new RecordedSpan()
    const failing = outer.plan!(query, contextOf(root), async () => {
      throw new GatewayError('BAD_SQL')
    })
    await expect(failing).rejects.toThrow()
    expect(root.children[0]).toMatchObject({ name: 'plan', outcome: 'BAD_SQL' })
    const run = (more?: () => void) =>
      outer.run!(planned, contextOf(root), (plan, ctx) => inner.run!(plan, ctx, async () => resultOf(more)))
    const broken = await run(() => {
      throw new GatewayError('UPSTREAM_DATA')
    })
    await expect(drained(broken)).rejects.toThrow()
    const left = await run()
    for await (const _ of left.frames) break
    await later()
    const [, second, third] = root.children
    expect([second!.outcome, second!.children[1]!.outcome]).toEqual(['UPSTREAM_DATA', 'UPSTREAM_DATA'])
    expect([third!.outcome, third!.children[1]!.outcome]).toEqual(['CANCELLED', 'CANCELLED'])
  })
})
