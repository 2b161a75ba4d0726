import { describe, expect, it } from 'vitest'
import { estimateMessage } from '../../../src/fronts/gateway/messages/estimate.ts'
import { estimateJson, estimateSchema } from '../../../src/fronts/http/schemas/estimate.ts'
import type { Estimate } from '../../../src/query/estimate.ts'
import { decodeEstimate, encodeEstimate } from '../../../src/query/estimates/estimate-json.ts'

/** An estimate with a value in each member that clients see. */
const whole: Required<Omit<Estimate, 'billing'>> = {
  accuracy: 'upper_bound',
  bytes: 1,
  rows: 2,
  billableBytes: 10_485_760,
  costUsd: 0.000059605,
  price: {
    model: 'on_demand',
    region: 'mars-north1',
    isAssumed: true,
    usdPerTib: 11.25,
    usdPerSlotHour: 0.06,
    edition: 'enterprise',
    checkedOn: '2026-07-25',
    freeTier: { bytesPerMonth: 3, ownBytesPerMonth: 2, ownBytesLeft: 1 },
  },
  slotMs: 5,
  externalCosts: ['a remote function'],
  statementType: 'SELECT',
  referencedTables: ['p.d.t'],
  suggestions: ['name the columns'],
  advice: [
    {
      rule: 'select_star',
      message: 'name the columns',
      rewrittenQuery: 'SELECT a FROM t',
      billableBytes: 1,
      savedBytes: 2,
      savedUsd: 0.5,
    },
  ],
  refusal: 'over the budget',
}
const textOf = (estimate: Estimate) => Buffer.from(encodeEstimate('bq', estimate)).toString()

describe('an estimate as application metadata', () => {
  it('comes back from another gateway with each member', () => {
    expect(decodeEstimate(encodeEstimate('bq', whole))).toEqual(whole)
    expect(decodeEstimate(encodeEstimate('bq', { accuracy: 'unknown' }))).toEqual({ accuracy: 'unknown' })
  })

  it('never has the facts by which the gateway computes the price', () => {
    const facts = { location: 'US', parts: [{ processedBytes: 1, tables: 1 }] }
    expect(textOf({ accuracy: 'exact', billing: facts })).toBe('{"estimate":{"data_source":"bq","accuracy":"exact"}}')
  })

  it('stays below what the next gateway reads, whatever the rules rewrote', () => {
    const advice = Array.from({ length: 200 }, (_, i) => ({
      rule: `r${i}`,
      message: 'm',
      rewrittenQuery: 'x'.repeat(10_000),
    }))
    const decoded = decodeEstimate(encodeEstimate('bq', { accuracy: 'exact', advice }))
    expect(decoded?.advice).toHaveLength(100)
    expect(decoded?.advice?.filter(({ rewrittenQuery }) => rewrittenQuery)).toHaveLength(2)
  })

  it.each([
    ['{"estimate":{"accuracy":"exact","cost_usd":-1,"billable_bytes":1.5,"slot_ms":"1"}}', { accuracy: 'exact' }],
    ['{"estimate":{"accuracy":"exact","price":{"model":"barter","region":"US"}}}', { accuracy: 'exact' }],
    ['{"estimate":{"accuracy":"exact","price":{"model":"edition"}}}', { accuracy: 'exact' }],
    ['{"estimate":{"accuracy":"exact","advice":[{"rule":"r"}],"external_costs":"much"}}', { accuracy: 'exact' }],
    [
      '{"estimate":{"accuracy":"exact","price":{"model":"edition","region":"US","free_tier":{"bytes_per_month":1}}}}',
      { accuracy: 'exact', price: { model: 'edition', region: 'US' } },
    ],
  ])('%s is read with care', (text, estimate) => {
    expect(decodeEstimate(Buffer.from(text))).toEqual(estimate)
  })
})

describe('an estimate in the other faces', () => {
  it('HTTP: by the same names, null for what is not known', () => {
    const json = estimateJson('bq', whole)
    expect(estimateSchema.parse(json)).toEqual(json)
    expect(json).toMatchObject(JSON.parse(textOf(whole)).estimate)
    expect(Object.values(estimateJson(undefined, { accuracy: 'unknown' })).filter((value) => value === 0)).toEqual([])
  })

  it('Gateway service: each member is there', () => {
    const message = estimateMessage('bq', whole)
    expect(message).toMatchObject({
      billableBytes: 10_485_760n,
      costUsd: 0.000059605,
      slotMs: 5n,
      refusal: 'over the budget',
    })
    expect(message.price).toMatchObject({ region: 'mars-north1', isAssumed: true, freeTier: { ownBytesLeft: 1n } })
    expect(message.advice).toEqual([{ ...whole.advice[0], billableBytes: 1n, savedBytes: 2n }])
  })
})
