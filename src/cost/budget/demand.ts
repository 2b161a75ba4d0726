import type { EstimateAccuracy } from '../../query/estimate.ts'
import type { PlannedCost, PlannedStatement } from '../../query/types.ts'
import type { BudgetLimit } from '../ledger/ledger.ts'
import { bytesFor } from '../pricing/nano-usd.ts'
import { type Tariff, tariffOf } from '../pricing/tariff.ts'
import type { BilledSource, Caps } from './budget-policy.ts'
import { externalRefusal, type Figures, overCapOf, unknownRefusal } from './refusal.ts'

/** What happens with statements that a budget cannot judge. */
export interface DemandRules {
  readonly whenUnknown: 'refuse' | 'cap' | 'allow'
  readonly externalCost: 'refuse' | 'allow'
}

/** What a statement asks of the budgets. */
export interface Demand {
  /** What it reserves, in billionths of a dollar. */
  readonly nanoUsd: number
  /** Bytes that it reserves. */
  readonly bytes: number
  /** Most bytes that the engine may bill; undefined if nothing limits it. */
  readonly maxBilledBytes: number | undefined
  readonly figures: Figures
}

/** A statement without a price, such as from a ticket of a gateway that did not know that its source bills. */
const noCost: PlannedCost = { accuracy: 'unknown', region: '' }

/** Room above the estimate for a statement without limits: a table may have grown since it was planned. */
const ROOM_BYTES = 2 ** 30

/**
 * Finds what a statement has to reserve. Where a limit applies, the engine may bill what is reserved and no more, so that the bill
 * never exceeds the reservation.
 * @param limits budgets of days and months that apply
 * @throws BudgetError if no budget could allow it: above a limit on single statements, of unknown or of external cost
 */
export function demandOf(
  plan: PlannedStatement,
  source: BilledSource,
  caps: Caps,
  limits: readonly BudgetLimit[],
  rules: DemandRules,
): Demand {
  // Loading is free: https://cloud.google.com/bigquery/pricing#free. A bill that comes all the same is counted.
  if (plan.kind === 'ingest')
    return { nanoUsd: 0, bytes: 0, maxBilledBytes: capOf(caps, undefined), figures: { what: 'This statement' } }
  const {
    billableBytes,
    mostBytes,
    likelyBytes,
    accuracy,
    region,
    reservation,
    externalCosts = [],
  } = plan.cost ?? noCost
  if (externalCosts.length > 0 && rules.externalCost === 'refuse') throw externalRefusal(externalCosts)
  const { nanoUsdPerTib, costOf } = tariffOf(source.pricing, {
    location: region,
    ...(reservation !== undefined && { reservation }),
  })
  const priceOf = (bytes: number) => (nanoUsdPerTib === undefined ? 0 : (costOf({ billedBytes: bytes }) ?? 0))
  const figures: Figures = {
    what: 'This statement',
    bytes: billableBytes,
    nanoUsd: billableBytes === undefined || nanoUsdPerTib === undefined ? undefined : priceOf(billableBytes),
  }
  const overCap = overCapOf(figures, caps)
  if (overCap) throw overCap
  const cap = capOf(caps, nanoUsdPerTib)
  const isLimited = limits.length > 0 && nanoUsdPerTib !== undefined
  if (billableBytes !== undefined && isSure(accuracy)) {
    // A limit on the statement itself holds also where the engine's minimum would take it above.
    const bytes = Math.max(billableBytes, Math.min(mostBytes ?? 0, cap ?? Number.POSITIVE_INFINITY))
    const reserved = { nanoUsd: priceOf(bytes), bytes, figures }
    // The engine takes 0 for no limit.
    if (isLimited) return { ...reserved, maxBilledBytes: Math.max(1, bytes) }
    return { ...reserved, maxBilledBytes: cap ?? Math.max(2 * bytes, bytes + ROOM_BYTES) }
  }
  if (likelyBytes !== undefined && rules.whenUnknown !== 'allow' && (isLimited || cap !== undefined)) {
    const bytes = Math.min(likelyBytes, cap ?? Number.POSITIVE_INFINITY)
    return { nanoUsd: priceOf(bytes), bytes, maxBilledBytes: Math.max(1, bytes), figures }
  }
  if (rules.whenUnknown === 'refuse') throw unknownRefusal(true)
  if (cap !== undefined)
    return {
      nanoUsd: priceOf(cap),
      bytes: cap,
      maxBilledBytes: Math.max(1, cap),
      figures: { ...figures, bytes: cap, nanoUsd: priceOf(cap), isMost: true },
    }
  if (isLimited && rules.whenUnknown === 'cap') throw unknownRefusal(false)
  return { nanoUsd: priceOf(billableBytes ?? 0), bytes: billableBytes ?? 0, maxBilledBytes: undefined, figures }
}

/** Whether the bytes of an estimate are an upper bound, or near the truth. */
export function isSure(accuracy: EstimateAccuracy): boolean {
  return accuracy !== 'unknown' && accuracy !== 'lower_bound'
}

/** Most bytes that a statement may bill by the limits on single statements. */
function capOf({ nanoUsd, bytes }: Caps, nanoUsdPerTib: Tariff['nanoUsdPerTib']): number | undefined {
  const byMoney = nanoUsd && nanoUsdPerTib !== undefined ? bytesFor(nanoUsd.max, nanoUsdPerTib) : undefined
  if (bytes === undefined) return byMoney
  return byMoney === undefined ? bytes.max : Math.min(bytes.max, byMoney)
}
