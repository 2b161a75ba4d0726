import type { Costs } from '../../api/history-answers.ts'
import { formatUsd } from '../../format/figures.ts'
import { Chart } from '../../parts/chart/chart.tsx'

/** The cost of each day of the month as bars, with the daily budget of the gateway. */
export function DayChart({ costs }: { readonly costs: Costs }) {
  const { month, days, budgets, time_zone: timeZone } = costs
  const byDay = new Map(days.map(({ name, cost_usd }) => [name, cost_usd]))
  const names = daysOf(month)
  // As `2026-11-28`.
  const today = new Intl.DateTimeFormat('en-CA', { timeZone }).format()
  const daily = budgets.find(({ account, period }) => account === 'gateway' && period === 'day')
  return (
    <Chart
      title={`Cost by day, ${month}`}
      times={names.map((name) => Date.parse(`${name}T00:00:00Z`) / 1000)}
      isDaily
      heightPx={180}
      leastTop={1e-6}
      format={formatUsd}
      formatPoint={(seconds) => new Date(seconds * 1000).toISOString().slice(0, 10)}
      limit={daily && { label: 'daily budget', value: daily.limit_usd }}
      series={[
        {
          label: 'cost',
          colour: 'accent',
          values: names.map((name) => (name > today ? null : (byDay.get(name) ?? 0))),
          kind: 'bars',
        },
      ]}
    />
  )
}

/** The days of a month, as `2026-11-01`. */
function daysOf(month: string): readonly string[] {
  const [year = 0, number = 1] = month.split('-').map(Number)
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate()
  return Array.from({ length: count }, (_, day) => `${month}-${String(day + 1).padStart(2, '0')}`)
}
