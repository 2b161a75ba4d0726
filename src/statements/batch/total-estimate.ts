import type { Estimate, EstimateAccuracy } from '../../query/estimate.ts'

const NANO = 1_000_000_000

type Figure = 'bytes' | 'rows' | 'billableBytes' | 'slotMs' | 'costUsd'

/** Adds up estimates; undefined for a statement without one. A figure is absent if it is absent for any statement. */
export function totalOf(estimates: readonly (Estimate | undefined)[]): Estimate {
  const figure = (name: Figure): { [F in Figure]?: number } => {
    const sum = sumOf(estimates.map((each) => each?.[name]))
    return sum === undefined ? {} : { [name]: sum }
  }
  const cost = sumOf(estimates.map((each) => each?.costUsd && Math.round(each.costUsd * NANO)))
  const tables = unionOf(estimates, 'referencedTables').sort()
  const externalCosts = unionOf(estimates, 'externalCosts')
  const refusal = refusalOf(estimates)
  const price = commonPrice(estimates)
  return {
    accuracy: estimates.map((each) => each?.accuracy ?? 'unknown').reduce(combined, 'exact'),
    ...figure('bytes'),
    ...figure('rows'),
    ...figure('billableBytes'),
    ...figure('slotMs'),
    ...(cost !== undefined && { costUsd: cost / NANO }),
    ...(price && { price }),
    ...(tables.length > 0 && { referencedTables: tables }),
    ...(externalCosts.length > 0 && { externalCosts }),
    ...(refusal !== undefined && { refusal }),
  }
}

/** Accuracy of a sum. A sum of something that is at least, and something that is at most, is neither. */
function combined(one: EstimateAccuracy, other: EstimateAccuracy): EstimateAccuracy {
  if (one === other || other === 'exact') return one
  if (one === 'exact') return other
  return one === 'unknown' || other === 'unknown' ? 'unknown' : 'estimated'
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  let sum = 0
  for (const value of values) {
    if (value === undefined) return undefined
    sum += value
  }
  return sum
}

function unionOf(estimates: readonly (Estimate | undefined)[], member: 'referencedTables' | 'externalCosts'): string[] {
  return [...new Set(estimates.flatMap((each) => each?.[member] ?? []))]
}

/** The price of all statements; undefined if they have different ones. */
function commonPrice(estimates: readonly (Estimate | undefined)[]): Estimate['price'] {
  const [first] = estimates
  const text = JSON.stringify(first?.price)
  return estimates.every((each) => JSON.stringify(each?.price) === text) ? first?.price : undefined
}

function refusalOf(estimates: readonly (Estimate | undefined)[]): string | undefined {
  const refused = estimates.filter((each) => each?.refusal !== undefined)
  return refused.length > 1
    ? `${refused.length} of the ${estimates.length} statements would be refused; the first one: ${refused[0]!.refusal}`
    : refused[0]?.refusal
}
