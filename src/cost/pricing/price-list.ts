import type { PricingSettings } from '../../config/setting/pricing.ts'

/** Day on which the list of prices on demand was compared with https://cloud.google.com/bigquery/pricing. */
export const PRICES_CHECKED_ON = '2026-07-25'

/** Bytes that Google does not bill to a billing account in a month. */
export const FREE_BYTES_PER_MONTH = 2 ** 40

/** Locations by US dollars per TiB (2^40 bytes) on demand. */
const onDemand: readonly (readonly [usdPerTib: number, locations: string])[] = [
  [6.25, 'US EU us-central1 us-east1 us-east4 us-east5 us-east7 us-west1 us-west4 us-west8'],
  [6.5625, 'northamerica-northeast1 northamerica-northeast2 asia-southeast4 europe-north2'],
  [6.8125, 'northamerica-south1'],
  [7.1875, 'asia-east1'],
  [
    7.5,
    'us-south1 africa-south1 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2 asia-southeast2 asia-southeast3 europe-north1 europe-west1 europe-west4 me-west1',
  ],
  [7.59375, 'me-central1'],
  [7.8125, 'europe-west2 europe-west8 europe-west9 europe-southwest1'],
  [8.0625, 'europe-west12'],
  [8.125, 'australia-southeast1 australia-southeast2 europe-central2 europe-west3'],
  [8.4375, 'us-west2 us-west3 asia-southeast1'],
  [8.75, 'asia-east2 europe-west6'],
  [8.9375, 'southamerica-west1'],
  [9.625, 'europe-west10'],
  [10, 'me-central2'],
  [11.25, 'southamerica-east1'],
]

/** A location and its price on demand. */
export interface RegionalPrice {
  readonly location: string
  readonly usdPerTib: number
}

/** The prices on demand of all known locations, the cheapest first. */
export const regionalPrices: readonly RegionalPrice[] = onDemand.flatMap(([usdPerTib, locations]) =>
  locations.split(' ').map((location) => ({ location, usdPerTib })),
)

const byLocation = new Map(regionalPrices.map((price) => [price.location.toLowerCase(), price]))

/** The price on demand of a location, whose name is case-insensitive; undefined if the list lacks it. */
export function regionalPriceOf(location: string): RegionalPrice | undefined {
  return byLocation.get(location.toLowerCase())
}

/** The dearest price on demand of the list, in US dollars per TiB. */
export const DEAREST_USD_PER_TIB = regionalPrices.at(-1)!.usdPerTib

/** An edition of BigQuery's reservations. */
export type Edition = PricingSettings['edition']

/** US dollars per slot and hour without a commitment, by lower-case location. Other locations have other prices, which are not known here. */
const slotPrices: Readonly<Record<string, Partial<Record<Edition, number>>>> = {
  us: { standard: 0.04, enterprise: 0.06, enterprise_plus: 0.1 },
  'asia-south1': { standard: 0.046, enterprise: 0.069 },
}

/** The price of a slot for an hour, in US dollars; undefined if the list lacks the location or the edition there. */
export function slotPriceOf(location: string, edition: Edition): number | undefined {
  return slotPrices[location.toLowerCase()]?.[edition]
}
