import { describe, expect, it } from 'vitest'
import { addDays, forecastOf, lastDayOf } from '../../../src/cost/usage/forecast.ts'

const days = (from: string, count: number, cost: (day: string) => number) =>
  new Map(Array.from({ length: count }, (_, index) => addDays(from, index)).map((day) => [day, cost(day)]))
const isWeekend = (day: string) => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay())

describe('the forecast of a month', () => {
  it('expects of each day the mean of its weekday', () => {
    // February 2026 begins on a Sunday: 20 working days and 8 days of weekends.
    const history = days('2026-01-15', 31, (day) => (isWeekend(day) ? 10 : 100))
    history.set('2026-02-15', 4)
    const forecast = forecastOf(history, '2026-02-15')!
    expect(forecast.nanoUsd).toBe(20 * 100 + 8 * 10)
    expect(forecast.basis).toContain('28 days')
  })

  it('days without statements cost nothing, and days before the first statement do not count', () => {
    const sparse = new Map([
      ['2026-11-01', 70],
      ['2026-11-07', 0],
    ])
    expect(forecastOf(sparse, '2026-11-08')).toEqual({
      nanoUsd: 70 + 23 * 10,
      basis: 'Each day that is left costs the mean of the last 7 days.',
    })
  })

  it('today counts as what it has cost, if that is more than a usual day', () => {
    expect(
      forecastOf(
        new Map([
          ['2026-11-29', 10],
          ['2026-11-30', 500],
        ]),
        '2026-11-30',
      )!.nanoUsd,
    ).toBe(510)
    expect(
      forecastOf(
        new Map([
          ['2026-11-29', 10],
          ['2026-11-30', 1],
        ]),
        '2026-11-30',
      )!.nanoUsd,
    ).toBe(20)
    expect(forecastOf(new Map([['2026-11-29', 10]]), '2026-11-29')!.nanoUsd).toBe(20)
  })

  it('without history there is none', () => {
    expect(forecastOf(new Map(), '2026-11-29')).toBeUndefined()
  })

  it('knows the ends of months', () => {
    expect(['2024-02', '2026-02', '2026-12'].map(lastDayOf)).toEqual(['2024-02-29', '2026-02-28', '2026-12-31'])
  })
})
