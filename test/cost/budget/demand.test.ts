import { expect, it } from 'vitest'
import { pricingSchema } from '../../../src/config/setting/pricing.ts'
import type { Caps } from '../../../src/cost/budget/budget-policy.ts'
import { demandOf } from '../../../src/cost/budget/demand.ts'
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
