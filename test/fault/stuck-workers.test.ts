import { availableParallelism } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../src/query/errors.ts'
import { DemoSource, outcomeOf } from './demo-source.ts'
import { StuckStatements } from './stuck-statements.ts'

const planners = Math.max(1, Math.min(2, availableParallelism() - 1))
const late = { timeout: 60_000 }
const TIMED_OUT = expect.stringContaining('TimeoutError')

let stuck: StuckStatements
beforeEach(() => {
  stuck = new StuckStatements()
})
afterEach(() => stuck.release())

/** Aborts statements as at their time limit once `count` of them are stuck; returns their outcomes. */
async function timeOut(count: number, statements: (signal: AbortSignal) => Promise<string>[]): Promise<string[]> {
  const limit = new AbortController()
  const ends = Promise.all(statements(limit.signal))
  await stuck.count(count)
  limit.abort(new DOMException('too late', 'TimeoutError'))
  return await ends
}

describe('a worker stuck in an aborted statement', () => {
  let demo: DemoSource
  afterEach(async () => {
    stuck.release()
    await demo.source.close()
    expect(demo.source.hasActiveThreads).toBe(false)
  })

  it('all planning workers are stuck: they are replaced, other statements plan meanwhile', async () => {
    demo = await DemoSource.open({ init: [stuck.init] })
    let plan: Promise<string> | undefined
    const ends = await timeOut(planners, (signal) => {
      const plans = Array.from({ length: planners }, (_, i) => demo.plan(stuck.plan(i), { signal }))
      plan = demo.plan('SELECT 1')
      return plans
    })
    expect(ends).toEqual(Array(planners).fill(TIMED_OUT))
    expect(await plan).toBe('OK')
    expect(demo.source.hasActiveThreads).toBe(true)
    expect(demo.logged('source demo: a cancelled statement is still running')).toHaveLength(planners)
    stuck.release()
    await expect.poll(() => demo.logged('source demo: the statement has ended').length, late).toBe(planners)
  })

  it('replacements are stuck too: planning gets QUEUE_FULL, transactions and health checks still work', async () => {
    demo = await DemoSource.open({ init: [stuck.init] })
    const { transactions } = demo.source
    const ctx = demo.context()
    await transactions!.begin('before', { readOnly: false }, ctx)
    for (let round = 1; round <= 2; round++)
      await timeOut(round * planners, (signal) =>
        Array.from({ length: planners }, (_, i) => demo.plan(stuck.plan(i), { signal })),
      )
    const refusal = await demo.source
      .plan({ source: 'demo', sql: 'SELECT 2', session: {}, purpose: 'any' }, ctx)
      .catch((error: GatewayError) => error)
    expect(refusal).toBeInstanceOf(GatewayError)
    expect(refusal).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    expect(await demo.source.health(ctx)).toMatchObject({ ok: true })
    await transactions!.begin('meanwhile', { readOnly: true }, ctx)
    await transactions!.rollback('meanwhile', ctx)
    await transactions!.commit('before', ctx)
    stuck.release()
    await expect.poll(() => demo.plan('SELECT 2'), late).toBe('OK')
  })

  it('running statement is stuck: its slot is freed at the time limit, its connection is not reused', async () => {
    demo = await DemoSource.open({ maxStreams: 1, init: [stuck.init] })
    const run = (signal: AbortSignal) => [demo.run(stuck.run, { signal })]
    expect(await timeOut(1, run)).toEqual([TIMED_OUT])
    expect(await demo.run('SELECT 1')).toBe('OK')
    expect(await timeOut(2, run)).toEqual([TIMED_OUT])
    expect(await demo.run('SELECT 1')).toBe('QUEUE_FULL')
    stuck.release()
    await expect.poll(() => demo.run('SELECT 1'), late).toBe('OK')
  })

  it('statement of a transaction is stuck: the transaction gets CONFLICT, and can be rolled back', async () => {
    demo = await DemoSource.open({ init: ['CREATE TABLE t (i INTEGER)', 'INSERT INTO t VALUES (1)', stuck.init] })
    const { transactions } = demo.source
    const ctx = demo.context()
    const update = 'UPDATE t SET i = i + 1'
    for (const [i, id] of ['rolled back', 'committed'].entries()) {
      await transactions!.begin(id, { readOnly: false }, ctx)
      if (id === 'rolled back') expect(await demo.run(update, { transaction: id, isUpdate: true })).toBe('OK')
      const run = (signal: AbortSignal) => [demo.run(stuck.run, { signal, transaction: id })]
      expect(await timeOut(i + 1, run)).toEqual([TIMED_OUT])
      expect(await demo.run('SELECT 1', { transaction: id })).toBe('CONFLICT')
    }
    await transactions!.rollback('rolled back', ctx)
    expect(await outcomeOf(transactions!.commit('committed', ctx))).toBe('CONFLICT')
    expect(await demo.run('SELECT 1', { transaction: 'committed' })).toBe('UNKNOWN_TRANSACTION')
    // The changes are undone when the worker returns, not earlier.
    expect(await demo.run(update, { isUpdate: true })).toBe('CONFLICT')
    stuck.release()
    await expect.poll(() => demo.run(update, { isUpdate: true }), late).toBe('OK')
    expect(await demo.run('SELECT error(i::VARCHAR) FROM t WHERE i <> 2')).toBe('OK')
  })
})

describe('closing a source', () => {
  it('worker is stuck: closing does not wait for it, and leaves the database open', async () => {
    const demo = await DemoSource.open({ init: [stuck.init] })
    const running = demo.run(stuck.run)
    await stuck.count(1)
    await demo.source.close()
    expect(await running).toBe('CANCELLED')
    expect(demo.source.hasActiveThreads).toBe(true)
    expect(demo.logged('source demo is left open')).toHaveLength(1)
    expect(await demo.plan('SELECT 1')).toBe('DRAINING')
  })
})
