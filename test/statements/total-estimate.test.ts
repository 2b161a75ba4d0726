import { describe, expect, it } from 'vitest'
import type { Estimate } from '../../src/query/estimate.ts'
import { totalOf } from '../../src/statements/batch/total-estimate.ts'

const onDemand = { model: 'on_demand', region: 'US', usdPerTib: 6.25 } as const
const priced = (costUsd: number, more: Partial<Estimate> = {}): Estimate => ({
  accuracy: 'exact',
  billableBytes: 10,
  costUsd,
  price: onDemand,
  ...more,
})

describe('the total of estimates', () => {
  it('billable bytes and money add up, without the rounding of doubles', () => {
    expect(totalOf([priced(0.1), priced(0.2)])).toEqual({
      accuracy: 'exact',
      billableBytes: 20,
      costUsd: 0.3,
      price: onDemand,
    })
    expect(totalOf([priced(0), priced(0)]).costUsd).toBe(0)
  })

  it.each([
    ['exact and upper_bound', ['exact', 'upper_bound'], 'upper_bound'],
    ['exact and lower_bound', ['lower_bound', 'exact'], 'lower_bound'],
    ['a lower and an upper bound bound nothing', ['upper_bound', 'lower_bound'], 'estimated'],
    ['estimated and a bound', ['estimated', 'upper_bound'], 'estimated'],
    ['unknown and anything', ['exact', 'unknown', 'lower_bound', 'upper_bound'], 'unknown'],
  ] as const)('accuracy: %s', (_, accuracies, accuracy) => {
    expect(totalOf(accuracies.map((each) => ({ accuracy: each }))).accuracy).toBe(accuracy)
  })

  it('a figure that one statement lacks is absent, never the sum of the others', () => {
    const total = totalOf([priced(0.1), { accuracy: 'unknown', price: onDemand }])
    expect(total).toEqual({ accuracy: 'unknown', price: onDemand })
  })

  it('different prices give no common one; external costs and refusals are told', () => {
    const elsewhere = { ...onDemand, region: 'EU' }
    expect(totalOf([priced(1), priced(1, { price: elsewhere })])).not.toHaveProperty('price')
    expect(
      totalOf([
        priced(1, { externalCosts: ['a remote function'], refusal: 'Too dear.' }),
        priced(1, { externalCosts: ['a remote function'], refusal: 'No.' }),
        priced(1),
      ]),
    ).toMatchObject({
      externalCosts: ['a remote function'],
      refusal: '2 of the 3 statements would be refused; the first one: Too dear.',
    })
  })
})
