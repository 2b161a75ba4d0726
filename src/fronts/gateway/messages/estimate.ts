import { EstimateAccuracy, type Estimate as EstimateMessage } from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { Estimate } from '../../../query/estimate.ts'
import { whole } from './whole.ts'

const accuracies = {
  unknown: EstimateAccuracy.ESTIMATE_ACCURACY_UNKNOWN,
  estimated: EstimateAccuracy.ESTIMATE_ACCURACY_ESTIMATED,
  lower_bound: EstimateAccuracy.ESTIMATE_ACCURACY_LOWER_BOUND,
  upper_bound: EstimateAccuracy.ESTIMATE_ACCURACY_UPPER_BOUND,
  exact: EstimateAccuracy.ESTIMATE_ACCURACY_EXACT,
} as const

/** The message of an estimate. @param source its name; empty for the total of several */
export function estimateMessage(source: string, estimate: Estimate): EstimateMessage {
  const { accuracy, bytes, rows, costUsd, referencedTables = [], suggestions = [] } = estimate
  return {
    dataSource: source,
    bytes: whole(bytes),
    rows: whole(rows),
    costUsd,
    accuracy: accuracies[accuracy],
    referencedTables: [...referencedTables],
    suggestions: [...suggestions],
  }
}
