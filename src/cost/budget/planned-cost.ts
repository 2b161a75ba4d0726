import type { Estimate } from '../../query/estimate.ts'
import type { PlannedCost } from '../../query/types.ts'
import { likelyBytes, mostBillableBytes } from '../pricing/billable-bytes.ts'
import { isSure } from './demand.ts'

/** What a planned statement carries of its priced estimate, to reserve it when it runs. */
export function plannedCostOf({
  billableBytes,
  costUsd,
  accuracy,
  billing,
  externalCosts = [],
}: Estimate): PlannedCost {
  const { location, reservation, parts } = billing!
  const most = mostBillableBytes(parts)
  const likely = isSure(accuracy) ? undefined : likelyBytes(parts)
  return {
    ...(billableBytes !== undefined && { billableBytes }),
    ...(billableBytes !== undefined && most !== undefined && most > billableBytes && { mostBytes: most }),
    ...(costUsd !== undefined && { costUsd }),
    ...(likely !== undefined && { likelyBytes: likely }),
    accuracy,
    region: location,
    ...(reservation !== undefined && { reservation }),
    ...(externalCosts.length > 0 && { externalCosts }),
  }
}
