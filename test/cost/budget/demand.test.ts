import { describe, expect, it } from 'vitest'
import { pricingSchema } from '../../../src/config/setting/pricing.ts'
import type { Caps } from '../../../src/cost/budget/budget-policy.ts'
import { demandOf } from '../../../src/cost/budget/demand.ts'
import { BudgetError } from '../../../src/cost/budget/refusal.ts'
import { likelyBytes } from '../../../src/cost/pricing/billable-bytes.ts'
import type { PlannedRead } from '../../../src/query/types.ts'

const MIB = 2 ** 20
const source = { pricing: pricingSchema.parse({}), limits: {} }
const rules = { whenUnknown: 'cap', externalCost: 'allow' } as const
const monthly = [{ account: { kind: 'gateway', name: '' }, period: 'month', maxNanoUsd: 1e9 }] as const
const query = { source: 's', sql: 'SELECT 1', session: {}, purpose: 'read' } as const
/** A join of a table of 1 GiB with one of a few bytes. */
const join: PlannedRead = {
  kind: 'read',
  query,
  cost: { billableBytes: 1024 * MIB, mostBytes: 1034 * MIB, accuracy: 'exact', region: 'US' },
}
const bytesOf = (plan: PlannedRead, caps: Caps = {}) => {
  const { bytes, maxBilledBytes } = demandOf(plan, source, caps, monthly, rules)
  return [bytes, maxBilledBytes]
}

it('a join reserves the minimum of its small tables too, since the engine may add it to the bytes of the large one', () => {
  expect(bytesOf(join)).toEqual([1034 * MIB, 1034 * MIB])
  const { mostBytes: _, ...cost } = join.cost!
  expect(bytesOf({ ...join, cost })).toEqual([1024 * MIB, 1024 * MIB])
})

it('a limit on the statement itself holds all the same', () => {
  expect(bytesOf(join, { bytes: { max: 1030 * MIB, account: { kind: 'client' } } })).toEqual([1030 * MIB, 1030 * MIB])
  expect(bytesOf(join, { bytes: { max: 1024 * MIB, account: { kind: 'client' } } })).toEqual([1024 * MIB, 1024 * MIB])
})

describe('a statement whose bytes are not sure', () => {
  /** A count of all rows: BigQuery tells 0 bytes. */
  const count = { ...join, cost: { likelyBytes: 11 * MIB, accuracy: 'unknown', region: 'US' } } as const

  it('reserves what it bills at most, and the engine may bill no more', () => {
    expect(bytesOf(count)).toEqual([11 * MIB, 11 * MIB])
    expect(bytesOf(count, { bytes: { max: 10 * MIB, account: { kind: 'client' } } })).toEqual([10 * MIB, 10 * MIB])
  })

  it('is refused without such a bound, if there is no limit on single statements', () => {
    const { likelyBytes: _, ...cost } = count.cost
    expect(() => bytesOf({ ...join, cost })).toThrow(BudgetError)
    expect(bytesOf({ ...join, cost }, { bytes: { max: MIB, account: { kind: 'client' } } })).toEqual([MIB, MIB])
  })
})

it('a statement without a price is one of unknown cost', () => {
  const { cost: _, ...unpriced } = join
  expect(() => bytesOf(unpriced)).toThrow(BudgetError)
  expect(bytesOf(unpriced, { bytes: { max: MIB, account: { kind: 'client' } } })).toEqual([MIB, MIB])
})

it.each([
  ['a statement that reads nothing of two tables', [{ isSilent: true, tables: 2 }], 21],
  ['a script of three statements', [{ processedBytes: 5 * MIB + 1, tables: 2, statements: 3 }], 69],
  [
    'several runs',
    [
      { isSilent: true, tables: 1 },
      { isSilent: true, tables: 1 },
    ],
    22,
  ],
])('%s bills at most its minimums', (_, parts, mib) => {
  expect(likelyBytes(parts)).toBe(mib * MIB)
})

it('a statement of unknown bytes or tables has no such bound', () => {
  expect(likelyBytes([{ tables: 1 }])).toBeUndefined()
  expect(likelyBytes([{ isSilent: true }])).toBeUndefined()
  // A script with a loop.
  expect(likelyBytes([{ processedBytes: MIB, tables: 1 }])).toBeUndefined()
})
