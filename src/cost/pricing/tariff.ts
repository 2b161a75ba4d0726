import type { PricingSettings } from '../../config/setting/pricing.ts'
import type { BillingFacts, Price } from '../../query/estimate.ts'
import { nanoUsdOf, nanoUsdOfBytes, nanoUsdOfSlots } from './nano-usd.ts'
import {
  DEAREST_USD_PER_TIB,
  FREE_BYTES_PER_MONTH,
  PRICES_CHECKED_ON,
  regionalPriceOf,
  slotPriceOf,
} from './price-list.ts'

/** What a statement costs at a place: a price, and what amounts cost by it. */
export interface Tariff {
  readonly price: Price
  /** Billionths of a dollar for a TiB (2^40 bytes); absent where slots are billed. */
  readonly nanoUsdPerTib?: number
  /** Cost of what was or will be billed, in billionths of a dollar; undefined if slots are billed and their number or price is unknown. */
  costOf(billed: {
    readonly billedBytes?: number | undefined
    readonly slotMs?: number | undefined
  }): number | undefined
}

/** Where a statement runs, as an estimate or a bill tells it. */
export type BilledPlace = Pick<BillingFacts, 'location' | 'reservation'>

/**
 * The tariff of a statement. A reservation bills slots, and bytes are free there; the setting `model: edition` says that all
 * statements of the source run in reservations. A location that the list lacks has the dearest price of the list, marked as
 * assumed: a budget then holds, which it could not do without a price.
 */
export function tariffOf(pricing: PricingSettings, { location, reservation }: BilledPlace): Tariff {
  return pricing.model === 'edition' || reservation !== undefined
    ? slotTariff(pricing, location)
    : byteTariff(pricing, location)
}

function byteTariff({ usdPerTib, freeBytesPerMonth = 0 }: PricingSettings, location: string): Tariff {
  const freeTier = { bytesPerMonth: FREE_BYTES_PER_MONTH, ownBytesPerMonth: freeBytesPerMonth }
  const listed = regionalPriceOf(location)
  const price: Price =
    usdPerTib !== undefined
      ? { model: 'on_demand', region: listed?.location ?? location, usdPerTib, freeTier }
      : {
          model: 'on_demand',
          region: listed?.location ?? location,
          usdPerTib: listed?.usdPerTib ?? DEAREST_USD_PER_TIB,
          checkedOn: PRICES_CHECKED_ON,
          ...(listed === undefined && { isAssumed: true }),
          freeTier,
        }
  const nanoUsdPerTib = nanoUsdOf(price.usdPerTib!)
  return {
    price,
    nanoUsdPerTib,
    costOf: ({ billedBytes }) => (billedBytes === undefined ? undefined : nanoUsdOfBytes(billedBytes, nanoUsdPerTib)),
  }
}

function slotTariff({ edition, usdPerSlotHour }: PricingSettings, location: string): Tariff {
  const usd = usdPerSlotHour ?? slotPriceOf(location, edition)
  const region = regionalPriceOf(location)?.location ?? location
  return {
    price: { model: 'edition', region, edition, ...(usd !== undefined && { usdPerSlotHour: usd }) },
    costOf: ({ slotMs }) =>
      slotMs === undefined || usd === undefined ? undefined : nanoUsdOfSlots(slotMs, nanoUsdOf(usd)),
  }
}
