import type { Estimate, EstimateAccuracy } from '../../query/estimate.ts'

/** The least certain first. */
const accuracies: readonly EstimateAccuracy[] = ['unknown', 'estimated', 'lower_bound', 'upper_bound', 'exact']

/** Adds up estimates; undefined for a statement without one. A figure is absent if it is absent for any statement. */
export function totalOf(estimates: readonly (Estimate | undefined)[]): Estimate {
  const ranks = estimates.map((estimate) => accuracies.indexOf(estimate?.accuracy ?? 'unknown'))
  const sum = (figure: 'bytes' | 'rows' | 'costUsd'): { [F in typeof figure]?: number } => {
    let total = 0
    for (const estimate of estimates) {
      const value = estimate?.[figure]
      if (value === undefined) return {}
      total += value
    }
    return { [figure]: total }
  }
  const tables = new Set(estimates.flatMap((estimate) => estimate?.referencedTables ?? []))
  return {
    accuracy: accuracies[Math.min(...ranks)]!,
    ...sum('bytes'),
    ...sum('rows'),
    ...sum('costUsd'),
    ...(tables.size > 0 && { referencedTables: [...tables].sort() }),
  }
}
