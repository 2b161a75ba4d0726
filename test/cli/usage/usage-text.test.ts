import { describe, expect, it } from 'vitest'
import type { UsageJson } from '../../../src/cli/usage/usage-json.ts'
import { usageText } from '../../../src/cli/usage/usage-text.ts'

const row = (name: string, usd: number, statements: number) => ({
  name,
  statements,
  cost_usd: usd,
  billed_bytes: usd * 176e9,
  slot_ms: 0,
  cache_hits: 1,
})
const usage: UsageJson = {
  month: '2026-11',
  time_zone: 'America/Los_Angeles',
  data_source: null,
  principal: null,
  group: null,
  label: null,
  statements: 1200,
  cost_usd: 12.5,
  billed_bytes: 2.2e12,
  slot_ms: 0,
  cache_hits: 2,
  forecast_usd: 31,
  forecast_basis: 'Each day that is left costs the mean of the last 7 days.',
  budgets: [
    { account: 'gateway', name: '', period: 'month', limit_usd: 50, spent_usd: 12.5, reserved_usd: 0.5 },
    { account: 'source', name: 'warehouse', period: 'day', limit_usd: 0, spent_usd: 0, reserved_usd: 0 },
  ],
  days: [row('2026-11-01', 10, 1000), row('2026-11-02', 2.5, 200)],
  data_sources: [row('warehouse', 12.5, 1200)],
  principals: [row('nightly', 12.5, 1200)],
  groups: [],
  labels: [],
  top_statements: [
    {
      statement_hash: 'abc',
      text: 'SELECT *\n\u001b[31mFROM t WHERE a = 1 AND b = 2 AND c = 3 AND d = 4 AND e = 5',
      data_source: 'warehouse',
      principal: 'nightly',
      runs: 3,
      cost_usd: 9,
      billed_bytes: 1.5e12,
    },
  ],
}

describe('costs for people', () => {
  it('are tables with their columns below each other', () => {
    expect(usageText(usage).split('\n')).toEqual([
      '2026-11 (America/Los_Angeles)',
      "Spent     12.50 USD, 1,200 statements, 2.2 TB billed, 2 from the engine's cache",
      'Forecast  31.00 USD for the whole month. Each day that is left costs the mean of the last 7 days.',
      '',
      'Budget            Period    USD  Spent  Held  Used',
      'gateway           month   50.00  12.50  0.50  26 %',
      'source warehouse  day         0      0     0     -',
      '',
      'Day           USD  Statements   Billed  Cached',
      '2026-11-01  10.00       1,000  1.76 TB       1',
      '2026-11-02   2.50         200   440 GB       1',
      '',
      'Principal    USD  Statements  Billed  Cached',
      'nightly    12.50       1,200  2.2 TB       1',
      '',
      'Statement                                                      USD  Runs  Billed  Principal',
      'SELECT * [31mFROM t WHERE a = 1 AND b = 2 AND c = 3 AND d...  9.00     3  1.5 TB  nightly',
    ])
  })

  it('nothing spent', () => {
    const empty = {
      ...usage,
      statements: 0,
      cost_usd: 0,
      billed_bytes: 0,
      cache_hits: 0,
      forecast_usd: null,
      budgets: [],
      days: [],
    }
    const none = { ...empty, data_sources: [], principals: [], top_statements: [], principal: 'ann' }
    expect(usageText(none)).toBe(
      "2026-11, principal ann (America/Los_Angeles)\nSpent     0 USD, 0 statements, 0 bytes billed, 0 from the engine's cache",
    )
  })
})
