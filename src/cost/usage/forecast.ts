/** Days before today that a forecast looks at: four weeks, so that each weekday counts four times. */
export const HISTORY_DAYS = 28
/** Fewest days of history for which weekdays are told apart. */
const WEEKDAY_HISTORY_DAYS = 14
const DAY_MS = 86_400_000

/** What a month is expected to cost. */
export interface Forecast {
  /** Billionths of a US dollar. */
  readonly nanoUsd: number
  /** How it was computed, in one sentence. */
  readonly basis: string
}

/**
 * Expects of each day that is left the mean of the same weekday over the last four weeks, or of all days of the history if it has fewer
 * than two weeks. The day itself counts as what it has cost already, if that is more.
 * @param byDay what days have cost, in billionths of a US dollar; days without an entry cost nothing
 * @param today as `2026-11-28`, a day of the month that is forecast
 * @returns undefined without history
 */
export function forecastOf(byDay: ReadonlyMap<string, number>, today: string): Forecast | undefined {
  const first = [...byDay.keys()].sort()[0]
  if (first === undefined) return undefined
  const history = daysBetween(addDays(today, -HISTORY_DAYS), addDays(today, -1)).filter((day) => day >= first)
  const month = today.slice(0, 7)
  let spent = 0
  for (const [day, nanoUsd] of byDay) if (day.startsWith(month) && day < today) spent += nanoUsd
  const now = byDay.get(today) ?? 0
  const later = daysBetween(addDays(today, 1), lastDayOf(month))
  if (history.length === 0)
    return { nanoUsd: spent + now * (1 + later.length), basis: 'Each day that is left costs as much as today so far.' }
  const hasWeekdays = history.length >= WEEKDAY_HISTORY_DAYS
  const expected = (day: string) => {
    const like = hasWeekdays ? history.filter((each) => weekdayOf(each) === weekdayOf(day)) : history
    return like.reduce((sum, each) => sum + (byDay.get(each) ?? 0), 0) / like.length
  }
  const rest = later.reduce((sum, day) => sum + expected(day), 0)
  return {
    nanoUsd: Math.round(spent + Math.max(now, expected(today)) + rest),
    basis: hasWeekdays
      ? `Each day that is left costs the mean of its weekday in the last ${history.length} days.`
      : `Each day that is left costs the mean of the last ${history.length === 1 ? 'day' : `${history.length} days`}.`,
  }
}

/** A day some days later, as `2026-11-28`. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** The last day of a month, such as `2026-11-30` of `2026-11`. */
export function lastDayOf(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10)
}

function daysBetween(from: string, to: string): string[] {
  const days: string[] = []
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day)
  return days
}

function weekdayOf(day: string): number {
  return new Date(`${day}T00:00:00Z`).getUTCDay()
}
