import { signal } from '@preact/signals'
import { useCallback } from 'preact/hooks'
import { callApi, queryString } from '../../api/call.ts'
import type { Costs } from '../../api/history-answers.ts'
import { usePolling } from '../../api/use-polling.ts'
import { formatBytes, formatCount, formatUsd } from '../../format/figures.ts'
import { ErrorNote } from '../../parts/error-note.tsx'
import type { View } from '../view.ts'
import { BudgetTable } from './budget-table.tsx'
import { CostTable } from './cost-table.tsx'
import { DayChart } from './day-chart.tsx'
import { TopStatements } from './top-statements.tsx'

const INTERVAL_MS = 15_000

/** The month that is shown, as `2026-11`; empty for the current one. */
const month = signal('')

/** What statements have cost, beside the budgets. */
export const costView: View = { id: 'cost', title: 'Cost', Content: Cost }

function Cost() {
  const chosen = month.value
  const load = useCallback(
    (abort: AbortSignal) => callApi<Costs>(`api/v1/costs${queryString({ month: chosen })}`, { signal: abort }),
    [chosen],
  )
  const { data, error } = usePolling(load, INTERVAL_MS)
  const costs = data.value
  return (
    <>
      <div class="toolbar">
        <label>
          <span>Month</span>
          <input
            type="month"
            placeholder="2026-11"
            pattern="\d{4}-\d{2}"
            value={chosen || costs?.month || ''}
            onChange={({ currentTarget }) => {
              if (currentTarget.validity.valid) month.value = currentTarget.value
            }}
          />
        </label>
        {chosen !== '' && (
          <button
            type="button"
            onClick={() => {
              month.value = ''
            }}
          >
            This month
          </button>
        )}
      </div>
      {error.value && <ErrorNote error={error.value} />}
      {costs && <Report costs={costs} />}
    </>
  )
}

function Report({ costs }: { readonly costs: Costs }) {
  return (
    <>
      <dl class="tiles">
        <div>
          <dt>Spent</dt>
          <dd>
            <data value={costs.cost_usd}>{formatUsd(costs.cost_usd)}</data>
            <small>{costs.principal === null ? 'of all principals' : `of ${costs.principal}`}</small>
          </dd>
        </div>
        <div>
          <dt>Forecast of the month</dt>
          <dd>
            {formatUsd(costs.forecast_usd)}
            {costs.forecast_basis !== null && <small>{costs.forecast_basis}</small>}
          </dd>
        </div>
        <div>
          <dt>Statements billed</dt>
          <dd>{formatCount(costs.statements)}</dd>
        </div>
        <div>
          <dt>Bytes billed</dt>
          <dd>{formatBytes(costs.billed_bytes)}</dd>
        </div>
      </dl>
      <section aria-labelledby="budgets">
        <h2 id="budgets">Budgets</h2>
        <BudgetTable budgets={costs.budgets} forecastUsd={costs.principal === null ? costs.forecast_usd : null} />
      </section>
      <section aria-labelledby="days">
        <h2 id="days">By day</h2>
        <DayChart costs={costs} />
        <p class="faint">Days in the time zone {costs.time_zone}.</p>
      </section>
      <div class="columns">
        <CostTable title="By principal" name="Principal" rows={costs.principals} />
        <CostTable title="By source" name="Source" rows={costs.data_sources} />
        {costs.groups.length > 0 && <CostTable title="By group" name="Group" rows={costs.groups} />}
        {costs.labels.some(({ name }) => name !== '') && (
          <CostTable title="By label" name="Label" rows={costs.labels} />
        )}
      </div>
      <section aria-labelledby="top">
        <h2 id="top">Most expensive statements</h2>
        <TopStatements statements={costs.top_statements} />
      </section>
    </>
  )
}
