import { describe, expect, it } from 'vitest'
import { RecentStatements } from '../../../src/query/control/recent-statements.ts'
import { deriveContext } from '../../../src/query/derive-context.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { Router } from '../../../src/query/router.ts'
import { remember } from '../../../src/query/stages/remember.ts'
import type { Context, Plan, PlannedStatement, Principal, Query } from '../../../src/query/types.ts'
import { MemoryBus } from '../../../src/state/bus.ts'
import { contextOf, resultOf, rowsOf } from '../results/batches.ts'
import { soleReplica } from '../sole-replica.ts'

const lena: Principal = { name: 'lena', roles: ['reader'] }
const ops: Principal = { name: 'ops', roles: ['admin'] }
const router = { named: (name: string) => ({ name: name.toLowerCase() }) } as unknown as Router
const queryOf = (sql: string, source = 'demo') => ({ source, sql, session: {}, purpose: 'read' }) as Query
const planOf = (sql: string, source?: string) => ({ kind: 'read', query: queryOf(sql, source) }) as PlannedStatement

function replica(maxStatements = 1000, maxBytes = 1 << 20) {
  const recent = new RecentStatements({
    replicas: soleReplica(),
    bus: new MemoryBus(),
    router,
    maxStatements,
    maxBytes,
  })
  const stage = remember(recent)
  const run = async (sql: string, ctx: Context = contextOf('lena'), failure?: Error, source?: string) =>
    await rowsOf(await stage.run!(planOf(sql, source), ctx, async () => resultOf(2, failure).result))
  return { recent, stage, run }
}

describe('the recent statements', () => {
  it('holds a statement once its result has been read, with its rows and the bill that comes later', async () => {
    const { recent, stage } = replica()
    const trace = { queryId: 'r-1', queueWaitMs: 2 }
    const ctx = deriveContext(contextOf('lena'), { trace, front: 'flight' })
    const result = await stage.run!(
      { ...planOf('SELECT 1'), planMs: 7 } as PlannedStatement,
      ctx,
      async () => resultOf(2).result,
    )
    expect(recent.size).toBe(0)
    await rowsOf(result)
    const [ended] = recent.listHere(lena)
    expect(ended).toMatchObject({
      id: 'r-1',
      outcome: 'OK',
      front: 'flight',
      planMs: 7,
      queueMs: 2,
      rows: 2,
      bytes: 20,
      isShared: false,
      billedBytes: undefined,
    })
    const { planMs = 0, queueMs = 0, firstByteMs = 0, streamMs = 0, durationMs } = ended!
    expect(durationMs).toBeCloseTo(planMs + queueMs + firstByteMs + streamMs)
    Object.assign(trace, { billedBytes: 5, costUsd: 0.5, cache: { result: 'MISS' } })
    expect(recent.listHere(lena)).toMatchObject([{ billedBytes: 5, costUsd: 0.5, cache: 'MISS' }])
  })

  it('holds failures with their code: of a run, of a planning, of a reader that left', async () => {
    const { recent, stage, run } = replica()
    await expect(run('a', contextOf('lena'), new GatewayError('BAD_SQL', 'no such column'))).rejects.toThrow()
    const left = await stage.run!(planOf('b'), contextOf('lena'), async () => resultOf(2).result)
    await left.frames[Symbol.asyncIterator]().return?.()
    const refuse = async () => Promise.reject(new GatewayError('UNKNOWN_OBJECT', 'no such table'))
    await expect(stage.plan!(queryOf('c'), contextOf('lena'), refuse)).rejects.toThrow()
    expect(recent.listHere(lena)).toMatchObject([
      { text: 'c', outcome: 'UNKNOWN_OBJECT', message: 'no such table', rows: 0 },
      { text: 'b', outcome: 'CANCELLED' },
      { text: 'a', outcome: 'BAD_SQL', message: 'no such column', rows: 2 },
    ])
    expect(new Set(recent.listHere(lena).map(({ id }) => id)).size).toBe(3)
  })

  it('holds a planning that may be repeated once its failure is final', async () => {
    const { recent, stage } = replica()
    const heldReports: (() => void)[] = []
    const refuse = async () => Promise.reject(new GatewayError('UNKNOWN_OBJECT'))
    const ctx = deriveContext(contextOf('lena'), { heldReports })
    await expect(stage.plan!(queryOf('c'), ctx, refuse)).rejects.toThrow()
    expect(recent.size).toBe(0)
    for (const report of heldReports) report()
    expect(recent.size).toBe(1)
  })

  it('a plan carries the time that it took', async () => {
    const { stage } = replica()
    const plan = await stage.plan!(queryOf('c'), contextOf('lena'), async () => planOf('c') as Plan)
    expect(plan.planMs).toBeGreaterThanOrEqual(0)
  })

  it('is bounded in statements and in bytes; the oldest leave first', async () => {
    const few = replica(3)
    for (let i = 0; i < 5000; i++) await few.run(String(i))
    expect(few.recent.listHere(lena).map(({ text }) => text)).toEqual(['4999', '4998', '4997'])
    const small = replica(1000, 65_536)
    for (let i = 0; i < 100; i++) await small.run(`${i}${'x'.repeat(10_000)}`)
    expect(small.recent.bytes).toBeLessThanOrEqual(65_536)
    expect(small.recent.size).toBeGreaterThan(10)
    expect(small.recent.listHere(lena)[0]!.text).toMatch(/^99x+$/)
    expect(small.recent.listHere(lena)[0]!.text).toHaveLength(2000)
  })

  it('filters by source, principal, outcome and number; readers see their own', async () => {
    const { recent, run } = replica()
    await run('a')
    await run('b', contextOf('max'))
    await run('c', contextOf('lena'), undefined, 'lake')
    await expect(run('d', contextOf('lena'), new GatewayError('BAD_SQL'))).rejects.toThrow()
    const texts = (...of: Parameters<RecentStatements['listHere']>) => recent.listHere(...of).map(({ text }) => text)
    expect(texts(lena)).toEqual(['d', 'c', 'a'])
    expect(texts(ops)).toEqual(['d', 'c', 'b', 'a'])
    expect(texts(ops, { principal: 'max' })).toEqual(['b'])
    expect(texts(ops, { principal: 'removed' })).toEqual([])
    expect(texts(ops, { source: 'LAKE' })).toEqual(['c'])
    expect(texts(ops, { outcome: 'FAILED' })).toEqual(['d'])
    expect(texts(ops, { outcome: 'OK', limit: 2 })).toEqual(['c', 'b'])
    expect(() => texts(lena, { principal: 'max' })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })
})
