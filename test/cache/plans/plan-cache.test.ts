import { describe, expect, it } from 'vitest'
import { Revisions } from '../../../src/cache/key/revisions.ts'
import { PlanCache } from '../../../src/cache/plans/plan-cache.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import { composePipeline } from '../../../src/query/pipeline.ts'
import { Router } from '../../../src/query/router.ts'
import type { Source } from '../../../src/query/source.ts'
import type { Context, Plan, PlannedSql, Principal, Query, Result } from '../../../src/query/types.ts'
import { ada, bob, FakeChanges } from '../cached-pipeline.ts'

const none = new Uint8Array(0)

/** The plan cache around a source that counts its plans. */
class PlannedPipeline {
  readonly changes = new FakeChanges()
  readonly plans: PlanCache
  readonly told: string[] = []
  planned = 0
  gate: Promise<unknown> = Promise.resolve()
  failure: Error | undefined
  readonly #pipeline

  constructor({ ttlMs = 60_000, isShared = false, hasOwnCommands = false } = {}) {
    const source = {
      name: 'here',
      kind: 'counting',
      plan: (query: Query, ctx: Context) => this.#planOnce(query, ctx),
      run: async (): Promise<Result> => {
        if (this.failure) throw this.failure
        return {
          schema: { chunks: [], byteLength: 0, rows: 0 },
          frames: (async function* () {})(),
          stats: { rows: 0, bytes: 0, affectedRows: -1 },
        }
      },
      reusablePlan: (plan: Plan) => ({ ...plan, handle: Buffer.from('reusable') }),
    } as unknown as Source
    this.plans = new PlanCache({
      ttlMs,
      sourceOf: () => source,
      rulesOf: () => ({ isShared, metadataNames: ['x-tenant'], hasOwnCommands }),
      revisions: new Revisions({ version: '1', sources: { here: {} }, principals: [] }),
      changes: this.changes,
      observer: { onPlan: (name, result) => this.told.push(`${name} ${result}`) },
    })
    this.#pipeline = composePipeline([this.plans.stage], new Router([source], 'here'))
  }

  async #planOnce(query: Query, ctx: Context): Promise<Plan> {
    this.planned++
    const handle = Buffer.from(`ticket ${this.planned}`)
    await this.gate
    ctx.signal.throwIfAborted()
    if (this.failure) throw this.failure
    return { kind: 'read', query: { ...query, sql: `${query.sql} /* own name removed */` }, schema: none, handle }
  }

  ctxOf(by: Principal = ada, more: Partial<Context> = {}): Context {
    return { principal: by, signal: new AbortController().signal, ...more } as Context
  }

  async plan(query: Partial<Query> = {}, ctx: Context = this.ctxOf()): Promise<Plan> {
    return await this.#pipeline.plan({ source: 'here', sql: 'SELECT 1', session: {}, purpose: 'any', ...query }, ctx)
  }

  async run(plan: PlannedSql): Promise<void> {
    const { frames } = await this.#pipeline.run(plan, this.ctxOf())
    for await (const _ of frames);
  }
}

describe('the plan cache', () => {
  it('statement is planned again: the source is asked once, and the second plan has no ticket of the first', async () => {
    const here = new PlannedPipeline()
    const session = { timeoutMs: 7 }
    const plans = [await here.plan(), await here.plan({ session })]
    expect(here.planned).toBe(1)
    expect(plans.map(({ handle }) => Buffer.from(handle!).toString())).toEqual(['ticket 1', 'reusable'])
    expect(plans[1]!.query).toMatchObject({ sql: 'SELECT 1 /* own name removed */', session })
    expect(here.plans.stats).toEqual({ entries: 1, hits: 1, misses: 1 })
    expect(here.told).toEqual(['here MISS', 'here HIT'])
  })

  it.each<[string, Partial<Query>, Partial<Context>]>([
    ['text', { sql: 'SELECT 2' }, {}],
    ['parameters', { parameters: new Uint8Array([1]) }, {}],
    ['schema of the session', { session: { schema: 'other' } }, {}],
    ['types of the session', { session: { losslessTypes: true } }, {}],
    ['wish for a description', { describe: true }, {}],
    ['wish for an estimate', { estimate: true }, {}],
    ['purpose', { purpose: 'write' }, {}],
    ['principal', {}, { principal: bob }],
    ['rights of the principal', {}, { principal: { name: 'ada', roles: ['writer'] } }],
    ['metadata on which the source depends', {}, { metadata: { 'x-tenant': 'b' } }],
  ])('other %s: the statement is planned again', async (_what, query, ctx) => {
    const here = new PlannedPipeline()
    await here.plan()
    await here.plan(query, here.ctxOf(ada, ctx))
    expect(here.planned).toBe(2)
  })

  it.each<[string, Partial<Query>]>([
    ['in a transaction', { transaction: 't' }],
    ['with no-cache', { session: { cacheControl: { noCache: true } } }],
    ['with no-store', { session: { cacheControl: { noStore: true } } }],
    ['with the session option cache: false', { session: { cache: false } }],
    ['of more than 64 KiB', { sql: `SELECT ${' '.repeat(1 << 16)}` }],
  ])('statement %s is planned each time', async (_what, query) => {
    const here = new PlannedPipeline()
    await here.plan(query)
    await here.plan(query)
    expect(here.planned).toBe(2)
  })

  it('scope shared: principals share plans', async () => {
    const here = new PlannedPipeline({ isShared: true })
    await here.plan()
    await here.plan({}, here.ctxOf(bob))
    expect(here.planned).toBe(1)
  })

  it.each([
    ['a source with commands of its own: raw bytes have a plan of their own', true, 2],
    ['other sources: raw bytes share the plan of the statement', false, 1],
  ])('%s', async (_what, hasOwnCommands, planned) => {
    const here = new PlannedPipeline({ hasOwnCommands })
    await here.plan()
    await here.plan({ rawCommand: true })
    expect(here.planned).toBe(planned)
  })

  it('time to live is over, or 0: the statement is planned again', async () => {
    const short = new PlannedPipeline({ ttlMs: 20 })
    await short.plan()
    await new Promise((resolve) => setTimeout(resolve, 40))
    await short.plan()
    const never = new PlannedPipeline({ ttlMs: 0 })
    await never.plan()
    await never.plan()
    expect([short.planned, never.planned]).toEqual([2, 2])
  })

  it('a change of the source, a clear, or a failed run: the statement is planned again', async () => {
    const here = new PlannedPipeline()
    await here.plan()
    await here.changes.record({ source: 'here', tables: undefined, principal: 'bob' })
    await here.plan()
    expect(here.planned).toBe(2)
    here.plans.clear()
    await here.plan({ describe: true })
    const plan = await here.plan()
    expect(here.planned).toBe(4)
    await here.run(plan)
    await here.plan()
    expect(here.planned).toBe(4)
    here.failure = new GatewayError('CONFLICT')
    await expect(here.run(plan)).rejects.toMatchObject({ code: 'CONFLICT' })
    here.failure = undefined
    await here.plan()
    await here.plan({ describe: true })
    expect(here.planned).toBe(6)
  })

  it('50 plannings at the same time: the source is asked once; an error reaches all, and is not kept', async () => {
    const here = new PlannedPipeline()
    const { promise, resolve } = Promise.withResolvers<void>()
    here.gate = promise
    const all = Array.from({ length: 50 }, () => here.plan())
    await new Promise((next) => setImmediate(next))
    resolve()
    await Promise.all(all)
    expect(here.planned).toBe(1)
    here.failure = new GatewayError('BAD_SQL')
    const failing = Array.from({ length: 5 }, () => here.plan({ sql: 'SELEC' }))
    const outcomes = await Promise.allSettled(failing)
    expect(new Set(outcomes.map((each) => each.status === 'rejected' && each.reason.code))).toEqual(
      new Set(['BAD_SQL']),
    )
    here.failure = undefined
    await here.plan({ sql: 'SELEC' })
    expect(here.planned).toBe(3)
  })

  it('caller whose planning others wait for leaves: another one plans', async () => {
    const here = new PlannedPipeline()
    const { promise, resolve } = Promise.withResolvers<void>()
    here.gate = promise
    const leaving = new AbortController()
    const first = here.plan({}, here.ctxOf(ada, { signal: leaving.signal }))
    const others = [here.plan(), here.plan()]
    await new Promise((next) => setImmediate(next))
    leaving.abort(new GatewayError('CANCELLED'))
    resolve()
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' })
    await Promise.all(others)
    expect(here.planned).toBeGreaterThan(1)
  })
})
