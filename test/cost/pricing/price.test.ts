import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PricingSettings, pricingSchema } from '../../../src/config/setting/pricing.ts'
import { billableBytes, mostBillableBytes } from '../../../src/cost/pricing/billable-bytes.ts'
import { bytesFor, nanoUsdOf, nanoUsdOfBytes, nanoUsdOfSlots, usdOf } from '../../../src/cost/pricing/nano-usd.ts'
import { priceOf } from '../../../src/cost/pricing/price.ts'
import { regionalPriceOf, regionalPrices, slotPriceOf } from '../../../src/cost/pricing/price-list.ts'
import { tariffOf } from '../../../src/cost/pricing/tariff.ts'
import type { BilledPart, Estimate } from '../../../src/query/estimate.ts'

const MIB = 2 ** 20
const TIB = 2 ** 40
const pricing = (settings: Partial<PricingSettings> = {}) => pricingSchema.parse(settings)
const facts = (location: string, parts: readonly BilledPart[], rest: Partial<Estimate> = {}): Estimate => ({
  accuracy: 'exact',
  billing: { location, parts },
  ...rest,
})

describe('the bytes that a statement bills', () => {
  it.each([
    ['nothing processed', [{ processedBytes: 0, tables: 1 }], 0],
    ['one byte of one table', [{ processedBytes: 1, tables: 1 }], 10 * MIB],
    ['seven small tables', [{ processedBytes: 5000, tables: 7 }], 70 * MIB],
    ['a recorded statement of 163,595,928 bytes', [{ processedBytes: 163_595_928, tables: 1 }], 164_626_432],
    [
      'a script whose two statements read one table',
      [
        { processedBytes: 1, tables: 1 },
        { processedBytes: 1, tables: 1 },
      ],
      20 * MIB,
    ],
    [
      'a MERGE of two tables and a SELECT',
      [
        { processedBytes: 1, tables: 2 },
        { processedBytes: 1, tables: 1 },
      ],
      30 * MIB,
    ],
    ['bytes of an unknown number of tables', [{ processedBytes: 1 }], 10 * MIB],
    ['an unknown part among known ones', [{ processedBytes: 1, tables: 1 }, { tables: 1 }], undefined],
    ['no statement that bills', [], 0],
  ])('%s', (_, parts, bytes) => {
    expect(billableBytes(parts)).toBe(bytes)
  })

  it('a reservation has room for the minimum of each table beside the bytes', () => {
    expect(mostBillableBytes([{ processedBytes: 2 ** 30, tables: 2 }])).toBe(2 ** 30 + 10 * MIB)
    expect(mostBillableBytes([{ processedBytes: 5000, tables: 7 }])).toBe(70 * MIB)
    expect(mostBillableBytes([{ processedBytes: 2 ** 30 + 1, tables: 1 }])).toBe(2 ** 30 + MIB)
    expect(mostBillableBytes([{ processedBytes: 0, tables: 2 }])).toBe(0)
    expect(mostBillableBytes([{ tables: 2 }])).toBeUndefined()
  })
})

describe('billionths of a dollar', () => {
  const price = fc.integer({ min: 0, max: 1000 * 10 ** 9 })

  it('are exact for the price of bytes, rounded up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 53 - 1 }), price, (bytes, perTib) => {
        const nano = BigInt(nanoUsdOfBytes(bytes, perTib))
        const exact = BigInt(bytes) * BigInt(perTib)
        expect(nano * 2n ** 40n >= exact).toBe(true)
        expect((nano - 1n) * 2n ** 40n < exact).toBe(true)
      }),
    )
  })

  it('survive the way through dollars up to a million of them', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 10 ** 15 }), (nano) => nanoUsdOf(usdOf(nano)) === nano))
  })

  it('never pay for more bytes than they are worth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 13 }), fc.integer({ min: 1, max: 10 ** 12 }), (nano, perTib) => {
        const bytes = bytesFor(nano, perTib)
        expect(nanoUsdOfBytes(bytes, perTib)).toBeLessThanOrEqual(nano)
        if (bytes < Number.MAX_SAFE_INTEGER) expect(nanoUsdOfBytes(bytes + 1, perTib)).toBeGreaterThan(nano)
      }),
    )
    expect(bytesFor(0, 0)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('are exact for the price of slots, rounded up', () => {
    expect(nanoUsdOfSlots(3_600_000, nanoUsdOf(0.06))).toBe(60_000_000)
    expect(nanoUsdOfSlots(1, nanoUsdOf(0.06))).toBe(17)
  })
})

describe('the price list', () => {
  it('has 48 locations, by names in any case', () => {
    expect(regionalPrices).toHaveLength(48)
    expect(new Set(regionalPrices.map(({ location }) => location)).size).toBe(48)
    expect(regionalPriceOf('us')).toEqual({ location: 'US', usdPerTib: 6.25 })
    expect(regionalPriceOf('Europe-West3')).toEqual({ location: 'europe-west3', usdPerTib: 8.125 })
    expect(regionalPriceOf('southamerica-east1')?.usdPerTib).toBe(11.25)
    expect(regionalPriceOf('mars-north1')).toBeUndefined()
  })

  it('has slot prices only where they are known', () => {
    expect(slotPriceOf('US', 'enterprise_plus')).toBe(0.1)
    expect(slotPriceOf('asia-south1', 'standard')).toBe(0.046)
    expect(slotPriceOf('asia-south1', 'enterprise_plus')).toBeUndefined()
    expect(slotPriceOf('europe-west3', 'enterprise')).toBeUndefined()
  })
})

describe('the price of an estimate', () => {
  const oneTib = [{ processedBytes: TIB, tables: 1 }]

  it('a source that bills nothing: the estimate stays as it is', () => {
    const estimate: Estimate = { accuracy: 'estimated', bytes: 5 }
    expect(priceOf(estimate, pricing())).toBe(estimate)
  })

  it('on demand: by the region, with the day of the price and the free tier beside it', () => {
    expect(priceOf(facts('europe-west3', oneTib), pricing())).toMatchObject({
      accuracy: 'exact',
      billableBytes: TIB,
      costUsd: 8.125,
      price: {
        model: 'on_demand',
        region: 'europe-west3',
        usdPerTib: 8.125,
        checkedOn: '2026-07-25',
        freeTier: { bytesPerMonth: TIB, ownBytesPerMonth: 0, ownBytesLeft: 0 },
      },
    })
    expect(priceOf(facts('us', oneTib), pricing()).price?.region).toBe('US')
  })

  it('0 bytes processed cost 0 dollars', () => {
    expect(priceOf(facts('US', [{ processedBytes: 0, tables: 1 }]), pricing())).toMatchObject({
      billableBytes: 0,
      costUsd: 0,
    })
  })

  it('a configured price has no day', () => {
    const { costUsd, price } = priceOf(facts('US', oneTib), pricing({ usdPerTib: 5 }))
    expect(costUsd).toBe(5)
    expect(price).not.toHaveProperty('checkedOn')
  })

  it('a region that the list lacks: the dearest price, as an upper bound', () => {
    expect(priceOf(facts('mars-north1', oneTib), pricing())).toMatchObject({
      accuracy: 'upper_bound',
      costUsd: 11.25,
      price: { region: 'mars-north1', isAssumed: true },
    })
    expect(priceOf(facts('mars-north1', oneTib), pricing({ usdPerTib: 1 })).price).not.toHaveProperty('isAssumed')
  })

  it('free bytes come off the cost, and not off the bytes', () => {
    const estimate = priceOf(facts('US', oneTib), pricing({ freeBytesPerMonth: TIB }), TIB / 2)
    expect(estimate).toMatchObject({ billableBytes: TIB, costUsd: 3.125 })
    expect(estimate.price?.freeTier).toEqual({ bytesPerMonth: TIB, ownBytesPerMonth: TIB, ownBytesLeft: TIB / 2 })
    expect(priceOf(facts('US', oneTib), pricing(), 2 * TIB).costUsd).toBe(0)
  })

  it('bytes that the source cannot tell stay unknown', () => {
    const unknown = priceOf(facts('US', [{}], { accuracy: 'unknown' }), pricing())
    expect(unknown).not.toHaveProperty('billableBytes')
    expect(unknown).not.toHaveProperty('costUsd')
    expect(unknown.price?.usdPerTib).toBe(6.25)
    // A dry run that knows nothing may say 0 bytes.
    expect(priceOf(facts('US', [{ processedBytes: 0 }], { accuracy: 'unknown' }), pricing())).not.toHaveProperty(
      'costUsd',
    )
  })

  it('an unknown number of tables makes the figures less certain', () => {
    const of = (accuracy: Estimate['accuracy']) =>
      priceOf(facts('US', [{ processedBytes: 1 }], { accuracy }), pricing()).accuracy
    expect([of('exact'), of('upper_bound'), of('lower_bound')]).toEqual(['estimated', 'estimated', 'lower_bound'])
  })

  it('a script as one part: each of its statements counts alone, so the bill may be higher', () => {
    const script = (parts: readonly BilledPart[]) =>
      priceOf(facts('US', parts, { statementType: 'SCRIPT' }), pricing()).accuracy
    const part = { processedBytes: 1, tables: 1 }
    expect([script([part]), script([part, part]), script([{ processedBytes: 0, tables: 0 }])]).toEqual([
      'lower_bound',
      'exact',
      'exact',
    ])
  })

  it('a reservation: bytes cost nothing, slots do once their number is known', () => {
    const inReservation: Estimate = {
      accuracy: 'exact',
      billing: { location: 'US', parts: oneTib, reservation: 'p:US.r' },
    }
    const estimate = priceOf(inReservation, pricing({ edition: 'standard' }))
    expect(estimate).not.toHaveProperty('costUsd')
    expect(estimate.price).toEqual({ model: 'edition', region: 'US', edition: 'standard', usdPerSlotHour: 0.04 })
    expect(priceOf({ ...inReservation, slotMs: 3_600_000 }, pricing()).costUsd).toBe(0.06)
  })

  it('an edition where its slot price is not known: the configured price, or none', () => {
    const estimate = facts('europe-west3', oneTib, { slotMs: 3_600_000 })
    const edition = pricing({ model: 'edition' })
    expect(priceOf(estimate, edition)).not.toHaveProperty('costUsd')
    expect(priceOf(estimate, edition).price).not.toHaveProperty('usdPerSlotHour')
    expect(priceOf(estimate, { ...edition, usdPerSlotHour: 0.07 }).costUsd).toBe(0.07)
  })

  it('the tariff prices bills as it prices estimates', () => {
    expect(tariffOf(pricing(), { location: 'EU' }).costOf({ billedBytes: 10 * MIB })).toBe(59_605)
    expect(tariffOf(pricing(), { location: 'EU', reservation: 'r' }).costOf({ billedBytes: TIB })).toBeUndefined()
  })
})
