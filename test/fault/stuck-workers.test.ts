import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { DemoSource, outcomeOf } from './demo-source.ts'

/** Takes many seconds, of which DuckDB looks at no interrupt: as a constant when it is planned, else when it runs. */
const SIZE = 75_000
const stuckPlan = (i: number) => `SELECT levenshtein(repeat('a', ${SIZE + i}), repeat('b', ${SIZE}))`
const stuckRun = `SELECT levenshtein(repeat('a', ${SIZE}), repeat('b', ${SIZE} + range::INTEGER)) FROM range(1)`
const planners = Math.max(1, Math.min(2, availableParallelism() - 1))
const soon = () => ({ signal: AbortSignal.timeout(300) })
const late = { timeout: 60_000 }
const TIMED_OUT = expect.stringContaining('TimeoutError')

describe('a worker that does not let go of a statement that is over', () => {
  let demo: DemoSource
  afterEach(async () => {
    await demo.source.close()
    expect(demo.source.hasActiveThreads).toBe(false)
  })

  it('is replaced: others plan meanwhile', async () => {
    demo = await DemoSource.open()
    const stuck = Array.from({ length: planners }, (_, i) => demo.plan(stuckPlan(i), soon()))
    const plan = demo.plan('SELECT 1')
    expect(await Promise.all(stuck)).toEqual(stuck.map(() => TIMED_OUT))
    expect(await plan).toBe('OK')
    expect(demo.source.hasActiveThreads).toBe(true)
    expect(demo.logged('source demo: a cancelled statement is still running')).toHaveLength(planners)
    await expect.poll(() => demo.logged('source demo: the statement has ended').length, late).toBe(planners)
  })

  it('is replaced once: then planning is refused, and transactions and health go on', async () => {
    demo = await DemoSource.open()
    const { transactions } = demo.source
    const ctx = demo.context()
    await transactions!.begin('before', { readOnly: false }, ctx)
    for (let round = 0; round < 2; round++)
      await Promise.all(Array.from({ length: planners }, (_, i) => demo.plan(stuckPlan(i), soon())))
    const refusal = await demo.source
      .plan({ source: 'demo', sql: 'SELECT 2', session: {}, purpose: 'any' }, ctx)
      .catch((error: GatewayError) => error)
    expect(refusal).toBeInstanceOf(GatewayError)
    expect(refusal).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    expect(await demo.source.health(ctx)).toMatchObject({ ok: true })
    await transactions!.begin('meanwhile', { readOnly: true }, ctx)
    await transactions!.rollback('meanwhile', ctx)
    await transactions!.commit('before', ctx)
    await expect.poll(() => demo.plan('SELECT 2'), late).toBe('OK')
  })

  it('gives a running statement its place back, in time and with its connection unused', async () => {
    demo = await DemoSource.open({ maxStreams: 1 })
    expect(await demo.run(stuckRun, soon())).toEqual(TIMED_OUT)
    expect(await demo.run('SELECT 1')).toBe('OK')
    expect(await demo.run(stuckRun, soon())).toEqual(TIMED_OUT)
    expect(await demo.run('SELECT 1')).toBe('QUEUE_FULL')
    await expect.poll(() => demo.run('SELECT 1'), late).toBe('OK')
  })

  it('keeps its transaction from going on, which can be rolled back', async () => {
    demo = await DemoSource.open({ init: ['CREATE TABLE t (i INTEGER)', 'INSERT INTO t VALUES (1)'] })
    const { transactions } = demo.source
    const ctx = demo.context()
    const update = 'UPDATE t SET i = i + 1'
    for (const id of ['rolled back', 'committed']) {
      await transactions!.begin(id, { readOnly: false }, ctx)
      if (id === 'rolled back') expect(await demo.run(update, { transaction: id, isUpdate: true })).toBe('OK')
      expect(await demo.run(stuckRun, { ...soon(), transaction: id })).toEqual(TIMED_OUT)
      expect(await demo.run('SELECT 1', { transaction: id })).toBe('CONFLICT')
    }
    await transactions!.rollback('rolled back', ctx)
    expect(await outcomeOf(transactions!.commit('committed', ctx))).toBe('CONFLICT')
    expect(await demo.run('SELECT 1', { transaction: 'committed' })).toBe('UNKNOWN_TRANSACTION')
    // What it changed is undone when the worker has let go, and no sooner.
    expect(await demo.run(update, { isUpdate: true })).toBe('CONFLICT')
    await expect.poll(() => demo.run(update, { isUpdate: true }), late).toBe('OK')
    expect(await demo.run('SELECT error(i::VARCHAR) FROM t WHERE i <> 2')).toBe('OK')
  })
})

describe('closing a source', () => {
  it('does not wait for a worker that is stuck, and then leaves the database open', async () => {
    const demo = await DemoSource.open()
    const long = `SELECT levenshtein(repeat('a', 100000), repeat('b', 110000 + range::INTEGER)) FROM range(1)`
    const running = demo.run(long)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await demo.source.close()
    expect(await running).toBe('CANCELLED')
    expect(demo.source.hasActiveThreads).toBe(true)
    expect(demo.logged('source demo is left open')).toHaveLength(1)
    expect(await demo.plan('SELECT 1')).toBe('DRAINING')
  })
})
