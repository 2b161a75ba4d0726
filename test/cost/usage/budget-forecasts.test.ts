import { expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'
import type { Account, BudgetLimit, UsageRow, UsageSelection } from '../../../src/cost/ledger/ledger.ts'
import { BudgetForecasts } from '../../../src/cost/usage/budget-forecasts.ts'

const limitOf = (account: Account, period: 'day' | 'month' = 'month'): BudgetLimit => ({
  account,
  period,
  maxNanoUsd: 9,
})
const limits = [
  limitOf({ kind: 'source', name: 'wh' }),
  limitOf({ kind: 'source', name: 'wh' }, 'day'),
  limitOf({ kind: 'group', name: 'team' }),
]
const figures = { statements: 1, billedBytes: 0, slotMs: 0, cacheHits: 0 }
const rowsOf = ({ by: [, name] }: UsageSelection): UsageRow[] => {
  if (name === undefined) return [{ day: '2026-11-28', nanoUsd: 7, ...figures }]
  const of = name === 'source' ? ['wh', 'other'] : ['team', 'others']
  return of.map((each, i) => ({ day: '2026-11-28', [name]: each, nanoUsd: 1 + i, ...figures }))
}

function forecastsWith(usage: (selection: UsageSelection) => Promise<UsageRow[]>) {
  let at = Date.parse('2026-11-28T12:00:00-08:00')
  const calendar = billingCalendar('America/Los_Angeles')
  const forecasts = new BudgetForecasts({
    ledger: { usage },
    calendar,
    policy: { allLimits: () => limits },
    now: () => at,
  })
  return {
    read: async () => (await forecasts.read()).map(({ account, nanoUsd }) => [account.kind, account.name, nanoUsd]),
    pass: (ms: number) => {
      at += ms
    },
  }
}

it('expects for the gateway and each account with a budget what the month will cost, and asks once a minute', async () => {
  const asked: UsageSelection[] = []
  const { read, pass } = forecastsWith(async (selection) => {
    asked.push(selection)
    return rowsOf(selection)
  })
  // Today and two more days, each as today.
  const expected = [
    ['gateway', '', 21],
    ['source', 'wh', 3],
    ['group', 'team', 3],
  ]
  expect(await Promise.all([read(), read()])).toEqual([expected, expected])
  expect(asked.map(({ by }) => by.join())).toEqual(['day', 'day,source', 'day,group'])
  expect(asked[0]).toMatchObject({ fromDay: '2026-10-31', toDay: '2026-11-28' })
  pass(59_000)
  await read()
  expect(asked).toHaveLength(3)
  pass(2000)
  await read()
  expect(asked).toHaveLength(6)
})

it('has nothing while the ledger does not answer, and does not make a scrape wait for it', async () => {
  let answer = () => {}
  const answers = new Promise<void>((resolve) => {
    answer = resolve
  })
  const slow = forecastsWith(async (selection) => {
    await answers
    return rowsOf(selection)
  })
  expect(await slow.read()).toEqual([])
  answer()
  await expect.poll(slow.read).toHaveLength(3)
  const failing = forecastsWith(() => Promise.reject(new Error('down')))
  expect(await failing.read()).toEqual([])
})
