import type { StatementTrace } from '../query/statement-trace.ts'
import type { CallMetadata, PlannedCost } from '../query/types.ts'

/** The response headers with what a statement is expected to cost. */
export const ESTIMATE_HEADERS = [
  'x-flightgate-estimated-bytes',
  'x-flightgate-estimated-cost-usd',
  'x-flightgate-accuracy',
] as const

/**
 * What a statement is expected to cost, as response headers: the bytes that the engine would bill, the cost and the accuracy. A figure that is not known is left out.
 * @param cost undefined if the source bills nothing: then there are no headers
 */
export function estimateHeaders(cost: PlannedCost | undefined): CallMetadata | undefined {
  if (cost === undefined) return undefined
  const { billableBytes, costUsd, accuracy } = cost
  return {
    ...(billableBytes !== undefined && { 'x-flightgate-estimated-bytes': String(billableBytes) }),
    ...(costUsd !== undefined && { 'x-flightgate-estimated-cost-usd': dollarsOf(costUsd) }),
    'x-flightgate-accuracy': accuracy,
  }
}

/** What a statement was billed, as trailing metadata: `x-flightgate-billed-bytes` and `x-flightgate-cost-usd`; undefined if nothing is known. */
export function billHeaders({ billedBytes, costUsd }: StatementTrace): CallMetadata | undefined {
  if (billedBytes === undefined && costUsd === undefined) return undefined
  return {
    ...(billedBytes !== undefined && { 'x-flightgate-billed-bytes': String(billedBytes) }),
    ...(costUsd !== undefined && { 'x-flightgate-cost-usd': dollarsOf(costUsd) }),
  }
}

/** Dollars in decimal notation, to the billionth: a program need not read exponents. */
function dollarsOf(usd: number): string {
  return usd.toFixed(9).replace(/\.?0+$/, '')
}
