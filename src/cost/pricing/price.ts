import type { PricingSettings } from '../../config/setting/pricing.ts'
import type { BillingFacts, Estimate, EstimateAccuracy } from '../../query/estimate.ts'
import { billableBytes } from './billable-bytes.ts'
import { usdOf } from './nano-usd.ts'
import { tariffOf } from './tariff.ts'

/**
 * Adds to an estimate what the engine would bill, its price, and how the price was computed. An estimate without billing facts
 * stays as it is. What is not known stays absent.
 *
 * @param freeBytesLeft how many of the bytes that `pricing.freeBytesPerMonth` gives to this gateway the month has left; they are
 *   taken off the cost, and off nothing else
 */
export function priceOf(estimate: Estimate, pricing: PricingSettings, freeBytesLeft = 0): Estimate {
  const { billing } = estimate
  if (billing === undefined) return estimate
  const billed = estimate.accuracy === 'unknown' ? undefined : billableBytes(billing.parts)
  const { price, costOf } = tariffOf(pricing, billing)
  const paidBytes = billed === undefined ? undefined : Math.max(0, billed - freeBytesLeft)
  const nanoUsd = costOf({ billedBytes: paidBytes, slotMs: estimate.slotMs })
  const { freeTier } = price
  return {
    ...estimate,
    accuracy: billed === undefined ? estimate.accuracy : accuracyOf(estimate, billing, price.isAssumed),
    ...(billed !== undefined && { billableBytes: billed }),
    ...(nanoUsd !== undefined && { costUsd: usdOf(nanoUsd) }),
    price: freeTier === undefined ? price : { ...price, freeTier: { ...freeTier, ownBytesLeft: freeBytesLeft } },
  }
}

/** An accuracy that also holds for the bytes billed and the cost. */
function accuracyOf(
  { accuracy, statementType }: Estimate,
  { parts }: BillingFacts,
  isAssumed = false,
): EstimateAccuracy {
  // The minimum counts the tables of each statement: if their number is not known, the bill may be higher. In a single statement
  // that matters little.
  const hasUnknownTables = parts.some(({ processedBytes = 0, tables }) => processedBytes > 0 && tables === undefined)
  const hasUnknownStatements = statementType === 'SCRIPT' && parts.length === 1 && (parts[0]!.processedBytes ?? 0) > 0
  if (hasUnknownStatements && accuracy === 'exact') return 'lower_bound'
  if ((hasUnknownStatements || hasUnknownTables) && (accuracy === 'exact' || accuracy === 'upper_bound'))
    return 'estimated'
  // The price of another location may be lower than the one that is assumed.
  return isAssumed && accuracy === 'exact' ? 'upper_bound' : accuracy
}
