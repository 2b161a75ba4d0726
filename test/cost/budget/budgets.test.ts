import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Ledger } from '../../../src/cost/ledger/ledger.ts'
import { openSqliteLedger } from '../../../src/cost/ledger/sqlite/sqlite-ledger.ts'
import { GatewayError } from '../../../src/query/errors.ts'
import type { PlannedSql } from '../../../src/query/types.ts'
import { BudgetedPipeline, CENT_BYTES, CENT_USD } from './billing-source.ts'

const MIB = 2 ** 20
let ledger: Ledger
beforeEach(async () => {
  // Noon, so that no day or month of the budgets ends during a test.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-28T12:00:00-08:00') })
  ledger = await openSqliteLedger(undefined, 'America/Los_Angeles')
})
afterEach(async () => {
  vi.useRealTimers()
  await ledger.close()
})
const tenCents = { monthlyBudgetUsd: 10.5 * CENT_USD }
const about = (usd: number) => expect.closeTo(usd, 4)

describe('budgets of a month', () => {
  it('50 statements at the same time against a budget for 10: 10 run, and no more is billed', async () => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    const plan = await gate.plan('SELECT 1')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => gate.pipeline.run(plan, gate.context())))
    const refused = outcomes.filter((each) => each.status === 'rejected')
    expect(refused).toHaveLength(40)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'BUDGET_EXCEEDED', reason: 'month' })
    expect(gate.source.ran).toBe(10)
    await expect.poll(() => gate.balance()).toEqual([about(10 * CENT_USD), 0])
    expect(gate.source.billedBytes).toBe(10 * CENT_BYTES)
  })

  it('a refusal tells the figures in words and for programs, at planning already', async () => {
    const now = () => Date.parse('2026-11-28T12:00:00-08:00')
    const gate = new BudgetedPipeline(ledger, { groups: { analysts: { monthlyBudgetUsd: 0.015 } }, now })
    await gate.query('SELECT 1')
    await expect.poll(() => gate.balance()).toEqual([about(CENT_USD), 0])
    const error = await gate.plan('SELECT 1').catch((thrown: unknown) => thrown)
    expect((error as Error).message).toBe(
      'This statement would be billed for 1.76 GB and cost 0.01 USD; 0.005 USD of the monthly budget of 0.015 USD of the group analysts are left until 1 December (America/Los_Angeles). Name fewer columns or filter by the partition of the table; an estimate tells what saves most. Or ask the operator of the gateway for more.',
    )
    expect((error as GatewayError).details).toEqual({
      account: 'group/analysts',
      billable_bytes: '1759510528',
      cost_usd: '0.01000166',
      left_usd: '0.00499834',
      limit_usd: '0.015',
      period: 'month',
      reason: 'month',
      reserved_usd: '0',
      resets_at: '2026-12-01T08:00:00.000Z',
      spent_usd: '0.01000166',
      time_zone: 'America/Los_Angeles',
    })
    expect((error as GatewayError).grpc).toBe('RESOURCE_EXHAUSTED')
    expect((error as GatewayError).retryable).toBe(false)
    const asked = await gate.plan('SELECT 1', gate.context(), { estimate: true })
    expect(asked.estimate?.refusal).toBe((error as Error).message)
    expect(gate.refusals).toEqual(['month'])
    await expect(gate.pipeline.run(asked, gate.context())).rejects.toThrow('left until')
    await gate.query('SELECT 1', gate.context({ principal: { name: 'bob', roles: ['reader'] } }))
  })

  it('each member of a group has a budget of its own by the group, unless its API key sets one', async () => {
    const gate = new BudgetedPipeline(ledger, {
      members: { staff: { dailyBudgetUsd: CENT_USD + 1e-6, maxCostPerQueryUsd: 1 } },
      principals: { dash: { dailyBudgetUsd: 1 } },
    })
    const of = (name: string) => gate.context({ principal: { name, roles: ['reader'], groups: ['staff'] } })
    await gate.query('SELECT 1', of('oidc:ann'))
    await expect(gate.query('SELECT 1', of('oidc:ann'))).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
      details: { account: 'principal/oidc:ann', period: 'day' },
    })
    await gate.query('SELECT 1', of('oidc:bob'))
    for (let i = 0; i < 2; i++) await gate.query('SELECT 1', of('dash'))
  })

  it('the next month of the billing time zone begins anew', async () => {
    let now = Date.parse('2026-11-30T23:59:59-08:00')
    const gate = new BudgetedPipeline(ledger, { source: { monthlyBudgetUsd: CENT_USD + 1e-6 }, now: () => now })
    await gate.query('SELECT 1')
    await expect(gate.query('SELECT 1')).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    now += 1000
    await gate.query('SELECT 1')
    await expect(gate.query('SELECT 1')).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
    expect(gate.source.ran).toBe(2)
  })

  it('tells each level once', async () => {
    const gate = new BudgetedPipeline(ledger, { source: { monthlyBudgetUsd: 2.5 * CENT_USD } })
    const other = new BudgetedPipeline(ledger, { source: { monthlyBudgetUsd: 2.5 * CENT_USD } })
    await gate.query('SELECT 1')
    await gate.query('SELECT 1')
    await expect.poll(() => gate.warnings).toEqual(['source/wh month 0.5'])
    for (const each of [gate, other]) await expect(each.query('SELECT 1')).rejects.toThrow()
    const plan = { ...(await other.plan('SELECT 1', other.context(), { estimate: true })) }
    await expect(other.pipeline.run(plan, other.context())).rejects.toThrow()
    await expect(other.pipeline.run(plan, other.context())).rejects.toThrow()
    await expect.poll(() => [...gate.warnings, ...other.warnings]).toEqual(['source/wh month 0.5', 'source/wh month 1'])
    expect(other.logged).toMatchObject([{ event: 'budget', account: 'source/wh', period: 'month', level: 1 }])
  })

  it('free bytes that belong to the gateway come on top of the budget', async () => {
    const gate = new BudgetedPipeline(ledger, {
      source: { monthlyBudgetUsd: 0 },
      freeBytesPerMonth: 2 * CENT_BYTES + MIB,
    })
    expect(await gate.plan('SELECT 1')).toMatchObject({ estimate: { costUsd: 0 } })
    await gate.query('SELECT 1')
    await gate.query('SELECT 1')
    await expect(gate.query('SELECT 1')).rejects.toMatchObject({ code: 'BUDGET_EXCEEDED' })
  })
})

describe('what a statement turns out to cost', () => {
  it.each([
    ['a bill below the estimate', { estimated: CENT_BYTES, billed: CENT_BYTES / 2 }, CENT_USD / 2, undefined],
    ['a statement that fails with a bill', { estimated: CENT_BYTES, end: 'failed' }, CENT_USD, 'BAD_DATA'],
    ['one that is never submitted', { estimated: CENT_BYTES, end: 'refused' }, 0, 'BAD_SQL'],
    [
      'data that has grown: the engine refuses',
      { estimated: CENT_BYTES, billed: CENT_BYTES + 1 },
      0,
      'UPSTREAM_EXHAUSTED',
    ],
    ['a reservation', { estimated: CENT_BYTES, reservation: 'projects/p' }, 0, undefined],
  ] as const)('%s', async (_name, deed, usd, code) => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    gate.source.deeds.set('SELECT 1', deed)
    const ended = gate.query('SELECT 1')
    if (code) await expect(ended).rejects.toMatchObject({ code })
    else await ended
    await expect.poll(() => gate.balance()).toEqual([about(usd), 0])
  })

  it('a cancelled statement holds its reservation until the engine tells the bill', async () => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    gate.source.deeds.set('SELECT 1', { estimated: CENT_BYTES, billed: CENT_BYTES / 4, end: 'hangs' })
    const client = new AbortController()
    const running = gate.query('SELECT 1', gate.context({ signal: client.signal }))
    await expect.poll(() => gate.balance()).toEqual([0, about(CENT_USD)])
    client.abort(new GatewayError('CANCELLED'))
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect.poll(() => gate.balance()).toEqual([about(CENT_USD / 4), 0])
  })

  it('an open statement is asked for, as after a restart', async () => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    gate.source.deeds.set('SELECT 1', { estimated: CENT_BYTES, billed: CENT_BYTES / 2, end: 'silent' })
    await gate.query('SELECT 1')
    expect(await gate.balance()).toEqual([0, about(CENT_USD)])
    expect(await gate.reconciliation.settleOpen(0)).toBe(1)
    expect(await gate.balance()).toEqual([about(CENT_USD / 2), 0])
  })

  it("a reconciliation compares the ledger with the engine's list", async () => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    await gate.query('SELECT 1')
    gate.source.deeds.set('SELECT 2', { estimated: CENT_BYTES, end: 'silent' })
    await gate.query('SELECT 2')
    await expect.poll(() => gate.balance()).toEqual([about(CENT_USD), about(CENT_USD)])
    const [first] = gate.source.jobs.keys()
    gate.source.jobs.set(first!, { billedBytes: 2 * CENT_BYTES })
    gate.source.jobs.set('lost', { billedBytes: 1 })
    const report = await gate.reconciliation.reconcile('WH', 0, gate.context())
    expect(report).toMatchObject({ source: 'wh', jobs: 3, settled: 1, corrected: 1, cleared: 0, unknown: 1 })
    expect(report.others).toEqual({ jobs: 1, billedBytes: 2 ** 40, nanoUsd: 6.25e9 })
    expect(await gate.balance()).toEqual([about(3 * CENT_USD), 0])
    const lines = () => gate.logged.filter((fields) => 'differences' in fields).length
    expect(lines()).toBe(1)
    await gate.reconciliation.reconcile('WH', 0, gate.context())
    expect(lines()).toBe(1)
    await expect(gate.reconciliation.reconcile('nowhere', 0, gate.context())).rejects.toMatchObject({
      code: 'UNKNOWN_SOURCE',
    })
  })
})

describe('a statement of several jobs, for rows of parameters', () => {
  const job = (jobId: string) => ({ project: 'p', location: 'US', jobId })
  const opened = async () => {
    const gate = new BudgetedPipeline(ledger, { source: tenCents })
    gate.source.deeds.set('SELECT 1', { estimated: 3 * CENT_BYTES })
    const charge = await gate.budgets.open((await gate.plan('SELECT 1')) as PlannedSql, gate.context())
    await charge.onSubmitted(job(charge.id))
    gate.source.jobs.set(charge.id, { billedBytes: CENT_BYTES })
    return { gate, charge, id: charge.id }
  }

  it('is left alone while it runs, though a job of it has ended', async () => {
    const { gate, charge, id } = await opened()
    expect(await gate.reconciliation.settleOpen(0)).toBe(0)
    expect(await gate.reconciliation.reconcile('wh', 0, gate.context())).toMatchObject({ settled: 0, corrected: 0 })
    expect(await gate.balance()).toEqual([0, about(3 * CENT_USD)])
    await charge.onSubmitted(job(`${id}-2`))
  })

  it('is left alone by another process while it may run, and its own bill counts in the end', async () => {
    const { gate, charge, id } = await opened()
    await charge.onSubmitted(job(`${id}-2`))
    gate.source.jobs.set(`${id}-2`, { billedBytes: CENT_BYTES })
    const other = new BudgetedPipeline(ledger, { source: tenCents })
    for (const [name, bill] of gate.source.jobs) other.source.jobs.set(name, bill)
    expect(await other.reconciliation.settleOpen(0)).toBe(0)
    expect(await other.reconciliation.reconcile('wh', 0, other.context())).toMatchObject({ settled: 0, corrected: 0 })
    await ledger.correct(id, { nanoUsd: 1, billedBytes: 1, at: Date.now() })
    charge.settle({ billedBytes: 2 * CENT_BYTES })
    await expect.poll(() => gate.balance()).toEqual([about(2 * CENT_USD), 0])
  })

  it('has the sum of its jobs, and a comparison that lists them all or some changes nothing', async () => {
    const { gate, charge, id } = await opened()
    await charge.onSubmitted(job(`${id}-2`))
    gate.source.jobs.set(`${id}-2`, { billedBytes: CENT_BYTES / 2 })
    charge.settle({ billedBytes: 1.5 * CENT_BYTES })
    charge.end()
    await expect.poll(() => gate.balance()).toEqual([about(1.5 * CENT_USD), 0])
    expect(await gate.reconciliation.reconcile('wh', 0, gate.context())).toMatchObject({ jobs: 2, corrected: 0 })
    gate.source.jobs.delete(id)
    const later = Date.now() + 1000
    expect(await gate.reconciliation.reconcile('wh', later, gate.context())).toMatchObject({ jobs: 1, corrected: 0 })
    expect(await gate.balance()).toEqual([about(1.5 * CENT_USD), 0])
  })
})

describe('a statement that the engine refuses to bill', () => {
  it.each([
    ['read', 2],
    ['update', 1],
  ] as const)('%s: reaches the engine %i times', async (kind, times) => {
    const gate = new BudgetedPipeline(ledger, { source: { monthlyBudgetUsd: 100, maxBytesPerQuery: CENT_BYTES } })
    const plan = (await gate.plan('SELECT 1')) as PlannedSql
    let runs = 0
    gate.source.run = async () => {
      runs++
      throw new GatewayError('BUDGET_EXCEEDED')
    }
    const cost = { likelyBytes: 11 * MIB, accuracy: 'unknown', region: 'US' } as const
    await expect(gate.pipeline.run({ ...plan, kind, cost }, gate.context())).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    })
    expect(runs).toBe(times)
  })
})

describe('limits on one statement', () => {
  it('the lowest of all refuses; the client may only lower it', async () => {
    const gate = new BudgetedPipeline(ledger, {
      gateway: { maxCostPerQueryUsd: 5 },
      source: { maxBytesPerQuery: 100 * MIB },
      principals: { ann: { maxCostPerQueryUsd: 0.0004 } },
    })
    gate.source.deeds
      .set('large', { estimated: 90 * MIB })
      .set('huge', { estimated: 101 * MIB })
      .set('small', { estimated: 20 * MIB })
    await expect(gate.plan('large')).rejects.toThrow('the limit of one statement of ann is 0.0004 USD')
    const bob = gate.context({ principal: { name: 'bob', roles: ['reader'] } })
    await gate.query('large', bob)
    await expect(gate.plan('huge', bob)).rejects.toMatchObject({
      details: { reason: 'query_bytes', account: 'source/wh' },
    })
    await expect(gate.plan('small', bob, { session: { maxCostUsd: 0.0001 } })).rejects.toThrow(
      'the limit of this call is 0.0001 USD',
    )
    await expect(gate.plan('huge', bob, { session: { maxBilledBytes: 2 ** 40 } })).rejects.toThrow('the source wh')
    expect(gate.refusals).toEqual(['query_cost', 'query_bytes', 'query_cost', 'query_bytes'])
  })

  it('without a budget the engine may bill a little more than the estimate', async () => {
    const gate = new BudgetedPipeline(ledger)
    gate.source.deeds.set('SELECT 1', { estimated: CENT_BYTES, billed: CENT_BYTES + MIB })
    await gate.query('SELECT 1')
  })

  it.each([
    ['cap', {}, undefined],
    ['cap', { monthlyBudgetUsd: 1 }, 'unknown'],
    ['cap', { monthlyBudgetUsd: 1, maxCostPerQueryUsd: 0.5 }, undefined],
    ['cap', { monthlyBudgetUsd: 0.4, maxCostPerQueryUsd: 0.5 }, 'month'],
    ['allow', { monthlyBudgetUsd: 1 }, undefined],
    ['refuse', {}, 'unknown'],
  ] as const)('an unknown cost, %s, with %o: %s', async (whenUnknown, source, reason) => {
    const gate = new BudgetedPipeline(ledger, { source, rules: { whenUnknown } })
    gate.source.deeds.set('loop', { accuracy: 'lower_bound', estimated: 20 * MIB, billed: 30 * MIB })
    const ended = gate.query('loop')
    if (reason) await expect(ended).rejects.toMatchObject({ reason })
    else await ended
    expect(gate.source.ran).toBe(reason ? 0 : 1)
  })

  it('a refusal of an unknown cost does not call what would be reserved its cost', async () => {
    const gate = new BudgetedPipeline(ledger, { source: { monthlyBudgetUsd: 0.4, maxCostPerQueryUsd: 0.5 } })
    gate.source.deeds.set('loop', { accuracy: 'lower_bound', estimated: 20 * MIB })
    const refused = await gate.plan('loop').then(String, String)
    expect(refused).toMatch(
      /does not tell what this statement would cost, so the limit of one statement would be reserved \(.*, 0\.50 USD\)/,
    )
    expect(refused).toContain('x-flightgate-max-cost-usd')
  })

  it('costs of other services', async () => {
    const gate = new BudgetedPipeline(ledger, { rules: { externalCost: 'refuse' } })
    gate.source.deeds.set('SELECT 1', { estimated: MIB, externalCosts: ['It calls a model.'] })
    await expect(gate.plan('SELECT 1')).rejects.toMatchObject({ reason: 'external' })
    const asked = await gate.plan('SELECT 1', gate.context(), { estimate: true })
    await expect(gate.pipeline.run(asked, gate.context())).rejects.toMatchObject({ reason: 'external' })
  })
})

describe('batches', () => {
  it('are refused as a whole before they begin', async () => {
    const gate = new BudgetedPipeline(ledger, { gateway: { dailyBudgetUsd: 2.5 * CENT_USD } })
    const plans = await Promise.all(['a', 'b', 'c'].map((sql) => gate.plan(sql)))
    await expect(gate.budgets.checkBatch(plans, gate.context())).rejects.toThrow(/^These statements would/)
    await gate.budgets.checkBatch(plans.slice(1), gate.context())
    const capped = plans
      .slice(1)
      .map((plan) => ({ ...plan, query: { ...plan.query, session: { maxCostUsd: 1.5 * CENT_USD } } }))
    await expect(gate.budgets.checkBatch(capped, gate.context())).rejects.toThrow('the limit of this call')
  })
})

describe('a ledger that does not answer', () => {
  const down = (): Ledger => {
    const fail = async () => {
      throw new GatewayError('STATE_UNAVAILABLE')
    }
    return { ...ledger, reserve: fail, submitted: fail, settle: fail, release: fail, balances: fail, mark: fail }
  }

  it('refuses statements with a budget, and runs those without', async () => {
    const gate = new BudgetedPipeline(down(), { source: tenCents })
    await expect(gate.query('SELECT 1')).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE', retryable: true })
    expect(gate.refusals).toEqual(['ledger'])
    await new BudgetedPipeline(down()).query('SELECT 1')
  })

  it('with whenLedgerDown: allow, bills wait until it answers', async () => {
    let isDown = true
    const broken = down()
    const flaky = new Proxy(ledger, { get: (target, name: keyof Ledger) => (isDown ? broken[name] : target[name]) })
    const gate = new BudgetedPipeline(flaky, { source: tenCents, rules: { whenLedgerDown: 'allow' } })
    await gate.query('SELECT 1')
    await expect.poll(() => gate.queue.waiting).toBe(1)
    isDown = false
    await expect.poll(() => gate.balance()).toEqual([about(CENT_USD), 0])
  })
})
