import type { Budget } from '../../api/history-answers.ts'
import { formatUsd, UNKNOWN } from '../../format/figures.ts'
import { Scroll } from '../../parts/scroll.tsx'

interface BudgetTableProps {
  readonly budgets: readonly Budget[]
  /** What the month is expected to cost in all; null if it is not known. */
  readonly forecastUsd: number | null
}

/** From which share of a budget on it counts as nearly spent. */
const NEARLY = 0.8

/** The budgets of today and of this month, with what is spent of them. */
export function BudgetTable({ budgets, forecastUsd }: BudgetTableProps) {
  if (budgets.length === 0) return <p class="faint">No budget applies to this month.</p>
  return (
    <Scroll label="Budgets of today and of this month">
      <table>
        <caption>Budgets of today and of this month</caption>
        <thead>
          <tr>
            <th scope="col">Budget of</th>
            <th scope="col">Period</th>
            <th scope="col">Used</th>
            <th scope="col" class="figure">
              Spent
            </th>
            <th scope="col" class="figure">
              Reserved
            </th>
            <th scope="col" class="figure">
              Limit
            </th>
            <th scope="col" class="figure">
              Forecast
            </th>
          </tr>
        </thead>
        <tbody>
          {budgets.map((budget) => (
            <BudgetRow
              key={`${budget.account}/${budget.name}/${budget.period}`}
              budget={budget}
              forecastUsd={budget.account === 'gateway' && budget.period === 'month' ? forecastUsd : null}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

function BudgetRow({ budget, forecastUsd }: { readonly budget: Budget; readonly forecastUsd: number | null }) {
  const { account, name, period, limit_usd, spent_usd, reserved_usd } = budget
  const share = limit_usd > 0 ? (spent_usd + reserved_usd) / limit_usd : 1
  const percent = `${Math.round(100 * share)} %`
  return (
    <tr>
      <th scope="row">{account === 'gateway' ? 'the gateway' : `${account} ${name}`}</th>
      <td>{period}</td>
      <td>
        <meter
          min={0}
          max={1}
          low={NEARLY}
          high={1}
          optimum={0}
          value={Math.min(1, share)}
          aria-label={`${percent} used or reserved`}
        />{' '}
        <span class={`badge ${share >= 1 ? 'bad' : share >= NEARLY ? 'warn' : 'good'}`}>{percent}</span>
      </td>
      <td class="figure">
        <data value={spent_usd}>{formatUsd(spent_usd)}</data>
      </td>
      <td class="figure">{formatUsd(reserved_usd)}</td>
      <td class="figure">{formatUsd(limit_usd)}</td>
      <td class="figure">
        {forecastUsd === null ? (
          UNKNOWN
        ) : (
          <span class={forecastUsd > limit_usd ? 'badge bad' : undefined}>{formatUsd(forecastUsd)}</span>
        )}
      </td>
    </tr>
  )
}
