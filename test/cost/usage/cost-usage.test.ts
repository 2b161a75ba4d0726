import { describe, expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import type { BudgetLimit, UsageRow, UsageSelection } from '../../../src/cost/ledger/ledger.ts'
import { CostUsage, freeOfCharge } from '../../../src/cost/usage/cost-usage.ts'
import { GatewayError } from '../../../src/query/errors.ts'

const admin = { name: 'root', roles: ['admin'] }
const ann = { name: 'ann', roles: [], groups: ['team'] }
const limits: BudgetLimit[] = [
  { account: { kind: 'gateway', name: '' }, period: 'month', maxNanoUsd: 100 },
  { account: { kind: 'source', name: 'bq' }, period: 'day', maxNanoUsd: 10 },
  { account: { kind: 'principal', name: 'ann' }, period: 'month', maxNanoUsd: 5 },
  { account: { kind: 'principal', name: 'bob' }, period: 'month', maxNanoUsd: 5 },
  { account: { kind: 'group', name: 'team' }, period: 'month', maxNanoUsd: 50 },
]
const row = (more: Partial<UsageRow>): UsageRow => ({
  statements: 1,
  nanoUsd: 1,
  billedBytes: 10,
  slotMs: 2,
  cacheHits: 0,
  ...more,
})

function usageAt(at: string) {
  const asked: UsageSelection[] = []
  const usage = new CostUsage({
    calendar: billingCalendar('America/Los_Angeles'),
    policy: { allLimits: () => limits, billedSource: (name) => (name === 'plain' ? undefined : ({} as never)) },
    now: () => Date.parse(at),
    ledger: {
      async usage(selection) {
        asked.push(selection)
        if (selection.by[0] === 'day')
          return [row({ day: '2026-11-02', nanoUsd: 3 }), row({ day: '2026-11-01' }), row({ day: '2026-10-31' })]
        if (selection.by[0] === 'group') return [row({ group: '' }), row({ group: 'team' })]
        if (selection.by[0] === 'label') return [row({ label: '' }), row({ label: 'etl', nanoUsd: 3 })]
        return [row({ principal: 'ann', source: 'bq' }), row({ principal: 'bob', source: 'other', nanoUsd: 9 })]
      },
      top: async () => [{ hash: 'h', source: 'bq', principal: 'ann', runs: 2, nanoUsd: 4, billedBytes: 20 }],
      balances: async (of) => of.map(() => ({ spentNanoUsd: 2, reservedNanoUsd: 1 })),
    },
  })
  return { usage, asked }
}

describe('reports of costs', () => {
  it('sums up the month of the billing time zone, the most expensive first, with forecast and budgets', async () => {
    // Still 2 November in Los Angeles.
    const { usage, asked } = usageAt('2026-11-03T05:00:00Z')
    const report = await usage.report({}, admin)
    expect(report).toMatchObject({ month: '2026-11', timeZone: 'America/Los_Angeles', selection: {} })
    expect(report.total).toMatchObject({ statements: 2, nanoUsd: 4, billedBytes: 20, slotMs: 4 })
    expect(report.days.map(({ name }) => name)).toEqual(['2026-11-01', '2026-11-02'])
    expect(report.principals.map(({ name }) => name)).toEqual(['bob', 'ann'])
    expect(report.groups.map(({ name }) => name)).toEqual(['team'])
    expect(report.labels.map(({ name }) => name)).toEqual(['etl', ''])
    expect(report.budgets).toHaveLength(limits.length)
    expect(report.forecast?.nanoUsd).toBe(1 + 3 + 28)
    expect(asked[0]).toMatchObject({ fromDay: '2026-10-05', toDay: '2026-11-30' })
  })

  it('a month that is over has neither forecast nor budgets', async () => {
    const { usage, asked } = usageAt('2026-12-03T05:00:00Z')
    const report = await usage.report({ month: '2026-11' }, admin)
    expect([report.forecast, report.budgets]).toEqual([undefined, []])
    expect(asked[0]).toMatchObject({ fromDay: '2026-11-01', toDay: '2026-11-30' })
  })

  it('a principal sees its own statements, its own budget and those of its groups', async () => {
    const { usage, asked } = usageAt('2026-11-03T05:00:00Z')
    const report = await usage.report({ source: 'bq', label: 'etl' }, ann)
    expect(
      asked.every(({ principal, source, label }) => principal === 'ann' && source === 'bq' && label === 'etl'),
    ).toBe(true)
    expect(report.budgets.map(({ limit }) => limit.account.name)).toEqual(['ann', 'team'])
    await expect(usage.report({ principal: 'bob' }, ann)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('tells what a principal has spent today: 0 at sources that bill, nothing at others or without the ledger', async () => {
    const { usage, asked } = usageAt('2026-11-03T05:00:00Z')
    const costs = [...(await usage.today('ann', ['plain', 'bq', 'unused']))]
    expect(costs).toEqual([
      ['bq', 1],
      ['unused', 0],
    ])
    expect(asked).toEqual([{ fromDay: '2026-11-02', toDay: '2026-11-02', principal: 'ann', by: ['source'] }])
    const down = new CostUsage({
      calendar: billingCalendar('UTC'),
      policy: { allLimits: () => [], billedSource: () => ({}) as never },
      ledger: {
        usage: () => Promise.reject(new GatewayError('STATE_UNAVAILABLE', 'down')),
        top: async () => [],
        balances: async () => [],
      },
    })
    expect([...(await down.today('ann', ['bq']))]).toEqual([])
  })

  it.each(['2026-13', '2026-1', 'now', '0000-01', '2026-11-01'])('refuses the month %s', async (month) => {
    await expect(usageAt('2026-11-03T05:00:00Z').usage.report({ month }, admin)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    })
  })

  it('a gateway without sources that bill reports nothing', async () => {
    const report = await freeOfCharge('Europe/Berlin').report({ month: '2026-11' }, admin)
    expect(report).toMatchObject({ month: '2026-11', timeZone: 'Europe/Berlin', total: { statements: 0 }, days: [] })
  })
})
