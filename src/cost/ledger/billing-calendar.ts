import type { BillingCalendar, Period } from './ledger.ts'

/** Offsets of time zones change at multiples of this, in milliseconds. */
const STEP_MS = 15 * 60_000
const HOUR_MS = 3_600_000

/** Days and months of a time zone of the IANA database, such as America/Los_Angeles. @throws RangeError if there is no such zone */
export function billingCalendar(timeZone: string): BillingCalendar {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  let lastStep = Number.NaN
  let lastDay = ''
  const dayOf = (at: number): string => {
    const step = Math.floor(at / STEP_MS)
    if (step === lastStep) return lastDay
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
    lastStep = step
    lastDay = `${parts['year']!.padStart(4, '0')}-${parts['month']}-${parts['day']}`
    return lastDay
  }
  const monthOf = (at: number) => dayOf(at).slice(0, 7)
  const endOf = (period: Period, at: number): number => {
    const nameOf = period === 'day' ? dayOf : monthOf
    const name = nameOf(at)
    let inside = Math.floor(at / STEP_MS)
    // The longest day has 25 hours and the longest month 31 days and an hour.
    let outside = inside + Math.ceil(((period === 'day' ? 26 : 32 * 24) * HOUR_MS) / STEP_MS)
    while (outside - inside > 1) {
      const middle = Math.floor((inside + outside) / 2)
      if (nameOf(middle * STEP_MS) === name) inside = middle
      else outside = middle
    }
    return outside * STEP_MS
  }
  return { timeZone, dayOf, monthOf, endOf }
}
