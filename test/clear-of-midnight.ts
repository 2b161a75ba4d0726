import { setTimeout as sleep } from 'node:timers/promises'
import { billingCalendar } from '../src/cost/ledger/billing-calendar.ts'

/** Longer than the tests of a file take after their beginning, and shorter than a hook may take, in milliseconds. */
const LEFT_MS = 120_000

/**
 * Waits for the next day or month if this one is about to end: what a test has spent or used would be that of the one before.
 * @param timeZone by default that of budgets
 */
export async function clearOfMidnight(period: 'day' | 'month', timeZone = 'America/Los_Angeles'): Promise<void> {
  const leftMs = billingCalendar(timeZone).endOf(period, Date.now()) - Date.now()
  if (leftMs < LEFT_MS) await sleep(leftMs + 1000)
}
