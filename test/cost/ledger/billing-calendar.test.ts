import { describe, expect, it } from 'vitest'
import { billingCalendar } from '../../../src/cost/ledger/billing-calendar.ts'

describe('billing calendar', () => {
  const calendar = billingCalendar('America/Los_Angeles')
  const at = (iso: string) => Date.parse(iso)

  it.each([
    ['2026-12-01T07:59:59Z', '2026-11-30', '2026-12-01T08:00:00Z', '2026-12-01T08:00:00Z'],
    ['2026-12-01T08:00:00Z', '2026-12-01', '2026-12-02T08:00:00Z', '2027-01-01T08:00:00Z'],
    // Summer time begins on 8 March and ends on 1 November: days of 23 and 25 hours.
    ['2026-03-08T08:00:00Z', '2026-03-08', '2026-03-09T07:00:00Z', '2026-04-01T07:00:00Z'],
    ['2026-11-01T07:00:00Z', '2026-11-01', '2026-11-02T08:00:00Z', '2026-12-01T08:00:00Z'],
    ['2028-02-29T20:00:00Z', '2028-02-29', '2028-03-01T08:00:00Z', '2028-03-01T08:00:00Z'],
  ])('%s is the day %s, which ends at %s, and its month at %s', (now, day, endOfDay, endOfMonth) => {
    expect(calendar.dayOf(at(now))).toBe(day)
    expect(calendar.monthOf(at(now))).toBe(day.slice(0, 7))
    expect(calendar.endOf('day', at(now))).toBe(at(endOfDay))
    expect(calendar.endOf('month', at(now))).toBe(at(endOfMonth))
  })

  it('zones with offsets of quarters of an hour', () => {
    const nepal = billingCalendar('Asia/Kathmandu')
    expect(nepal.dayOf(at('2026-11-28T18:14:59Z'))).toBe('2026-11-28')
    expect(nepal.endOf('day', at('2026-11-28T18:14:59Z'))).toBe(at('2026-11-28T18:15:00Z'))
  })

  it('rejects zones that do not exist', () => {
    expect(() => billingCalendar('Mars/Olympus')).toThrow(RangeError)
  })
})
