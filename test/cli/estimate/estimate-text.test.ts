import { describe, expect, it } from 'vitest'
import type { EstimateJson } from '../../../src/cli/estimate/estimate-json.ts'
import { estimateText } from '../../../src/cli/estimate/estimate-text.ts'
import { bytesText, dollarsText } from '../../../src/cli/estimate/figures.ts'

const price: NonNullable<EstimateJson['price']> = {
  model: 'on_demand',
  region: 'europe-west3',
  usd_per_tib: 8.125,
  usd_per_slot_hour: null,
  edition: null,
  checked_on: '2026-07-25',
  is_assumed: false,
  free_tier: { bytes_per_month: 2 ** 40, own_bytes_per_month: 0, own_bytes_left: 0 },
}
const dear: EstimateJson = {
  data_source: 'bq',
  bytes: 41_234_567_890,
  rows: null,
  billable_bytes: 41_235_251_200,
  cost_usd: 0.304718047,
  slot_ms: null,
  price,
  external_costs: ['It calls AI.GENERATE: models and other services are billed on their own.'],
  statement_type: 'SELECT',
  accuracy: 'upper_bound',
  referenced_tables: ['p.sales.orders', 'p.sales.customers'],
  suggestions: ['Only the 3 used columns: 41.2 GB -> 1.2 GB, -97 %.', 'Add a partition filter.'],
  advice: [
    {
      rule: 'select_star',
      message: 'Only the 3 used columns: 41.2 GB -> 1.2 GB, -97 %.',
      rewritten_query: 'SELECT a, b, c\nFROM sales.orders',
      billable_bytes: 1_200_000_000,
      saved_bytes: 40_035_251_200,
      saved_usd: 0.295,
    },
  ],
  refusal: 'It is above the limit of a statement, 0.25 USD.',
  columns: Array.from({ length: 14 }, (_, i) => ({ name: `c${i}`, type: 'int64', nullable: true })),
}

describe('an estimate for people', () => {
  it('names the figures, what they mean and what to do', () => {
    expect(estimateText(dear).split('\n')).toEqual([
      'Source    bq, SELECT',
      'Reads     41.2 GB (41,234,567,890 bytes), at most',
      'Bills     41.2 GB (41,235,251,200 bytes)',
      'Costs     0.30 USD (8.125 USD per TiB in europe-west3, checked on 2026-07-25)',
      '          1 TiB a month is free for the billing account; not taken off the cost',
      'Tables    p.sales.orders',
      '          p.sales.customers',
      'Columns   c0 int64, c1 int64, c2 int64, c3 int64, c4 int64, c5 int64, c6 int64, c7 int64, c8 int64, c9 int64, c10 int64, c11 int64 and 2 more',
      'And       It calls AI.GENERATE: models and other services are billed on their own.',
      'Advice    Only the 3 used columns: 41.2 GB -> 1.2 GB, -97 %.',
      '            SELECT a, b, c',
      '            FROM sales.orders',
      'Advice    Add a partition filter.',
      'Refused   It is above the limit of a statement, 0.25 USD.',
    ])
  })

  it('says unknown, never 0, for what is not known', () => {
    const unknown = {
      ...dear,
      bytes: null,
      billable_bytes: null,
      cost_usd: null,
      accuracy: 'unknown',
      price: { ...price, free_tier: null },
    }
    expect(estimateText(unknown).split('\n').slice(1, 4)).toEqual([
      'Reads     unknown: the source cannot tell',
      'Bills     unknown',
      'Costs     unknown (8.125 USD per TiB in europe-west3, checked on 2026-07-25)',
    ])
  })

  it('shows a reservation, an assumed price and the own free bytes', () => {
    const edition = {
      ...price,
      model: 'edition',
      usd_per_tib: null,
      usd_per_slot_hour: 0.06,
      edition: 'enterprise',
      free_tier: null,
    }
    expect(
      estimateText({ ...dear, cost_usd: null, price: edition })
        .split('\n')
        .slice(2, 4),
    ).toEqual([
      'Bills     slots of a reservation; bytes are free',
      'Costs     unknown (enterprise, 0.06 USD per slot and hour in europe-west3)',
    ])
    const assumed = {
      ...price,
      region: 'mars',
      is_assumed: true,
      free_tier: { bytes_per_month: 2 ** 40, own_bytes_per_month: 2 ** 39, own_bytes_left: 5 },
    }
    expect(
      estimateText({ ...dear, price: assumed })
        .split('\n')
        .slice(3, 5),
    ).toEqual([
      'Costs     0.30 USD (8.125 USD per TiB: the list lacks mars, its dearest price is assumed)',
      "          5 bytes of this month's free bytes are left to this gateway, and taken off the cost",
    ])
  })

  it.each([
    [0, '0 bytes', '0 USD'],
    [1, '1 byte', '1.00 USD'],
    [10_485_760, '10.5 MB (10,485,760 bytes)', '10,485,760.00 USD'],
    [999_600, '1 MB (999,600 bytes)', '999,600.00 USD'],
  ])('%d', (figure, bytes, dollars) => {
    expect([bytesText(figure), dollarsText(figure)]).toEqual([bytes, dollars])
  })

  it.each([
    [0.000059605, '0.00006 USD'],
    [0.304718, '0.30 USD'],
    [0.0125, '0.013 USD'],
    [12.5, '12.50 USD'],
  ])('%d dollars', (usd, text) => {
    expect(dollarsText(usd)).toBe(text)
  })
})
