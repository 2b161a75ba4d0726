import type { History } from '../api/history-answers.ts'

type Values = readonly (number | null)[]

/** Unix times of the steps, in seconds. */
export function timesOf({ start_time, step_seconds, process }: History): readonly number[] {
  const from = Date.parse(start_time) / 1000
  return process.event_loop_ms.map((_, i) => from + i * step_seconds)
}

/** The sum of all known values. */
export function sumOf(values: Values): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
}

/** The newest known value; null if there is none. */
export function newestOf(values: Values): number | null {
  return values.findLast((value) => value !== null) ?? null
}

/** Adds up series value by value; null where all are unknown. */
export function addedUp(all: readonly Values[]): Values {
  const [first = [], ...others] = all
  return first.map((value, i) =>
    others.reduce<number | null>((sum, { [i]: other }) => {
      if (sum === null || other === null || other === undefined) return sum ?? other ?? null
      return sum + other
    }, value),
  )
}

/** Counts of steps as counts a second. */
export function perSecond(values: Values, stepSeconds: number): Values {
  return values.map((value) => (value === null ? null : value / stepSeconds))
}
