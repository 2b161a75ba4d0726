import type { Advice, Estimate, EstimateAccuracy, Price } from '../estimate.ts'

/** How far an estimate can be trusted, the least certain first. */
export const accuracies: readonly EstimateAccuracy[] = ['unknown', 'estimated', 'lower_bound', 'upper_bound', 'exact']

/** An estimate by the names of the Gateway service and of JSON. A member without a value is undefined. */
export function estimateMembers(estimate: Estimate) {
  const { accuracy, bytes, rows, billableBytes, costUsd, price, slotMs, externalCosts, statementType } = estimate
  const { referencedTables, suggestions, advice, refusal } = estimate
  return {
    accuracy,
    bytes,
    rows,
    billable_bytes: billableBytes,
    cost_usd: costUsd,
    slot_ms: slotMs,
    price: price && priceMembers(price),
    external_costs: externalCosts,
    statement_type: statementType,
    referenced_tables: referencedTables,
    suggestions,
    advice: advice?.map(adviceMembers),
    refusal,
  }
}

function priceMembers({ model, region, isAssumed, usdPerTib, usdPerSlotHour, edition, checkedOn, freeTier }: Price) {
  return {
    model,
    region,
    usd_per_tib: usdPerTib,
    usd_per_slot_hour: usdPerSlotHour,
    edition,
    checked_on: checkedOn,
    is_assumed: isAssumed,
    free_tier: freeTier && {
      bytes_per_month: freeTier.bytesPerMonth,
      own_bytes_per_month: freeTier.ownBytesPerMonth,
      own_bytes_left: freeTier.ownBytesLeft,
    },
  }
}

function adviceMembers({ rule, message, rewrittenQuery, billableBytes, savedBytes, savedUsd }: Advice) {
  return {
    rule,
    message,
    rewritten_query: rewrittenQuery,
    billable_bytes: billableBytes,
    saved_bytes: savedBytes,
    saved_usd: savedUsd,
  }
}
