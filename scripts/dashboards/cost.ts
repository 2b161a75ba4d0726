import type { Dashboard } from './dashboard.ts'
import { quantiles, rateBy } from './queries.ts'

const OF_ACCOUNT = ', account=~"$account"'
const OF_SOURCE = ', source=~"$source"'
const spentBy = (metric: string, label: string, selectors: string) => ({
  expr: `sum by (${label}) (increase(${metric}{$sel${selectors}}[1h]))`,
  legend: `{{${label}}}`,
})

/** What statements cost, beside the budgets. */
export const cost: Dashboard = {
  uid: 'flightgate-cost',
  title: 'flightgate: cost',
  description: 'What statements cost, by source and principal, beside budgets and forecast; the state of the ledger.',
  variables: {
    source: { label: 'source', metric: 'flightgate_cost_usd_total' },
    principal: { label: 'principal', metric: 'flightgate_principal_cost_usd_total' },
    account: { label: 'account', metric: 'flightgate_budget_limit_usd' },
  },
  rows: [
    {
      title: 'Budgets',
      panels: [
        {
          kind: 'bargauge',
          title: 'Used',
          description: 'Share of each budget that is spent or reserved.',
          unit: 'percentunit',
          targets: [
            {
              expr: `max by (account, period) (flightgate_budget_used_ratio{$sel${OF_ACCOUNT}})`,
              legend: '{{account}} {{period}}',
            },
          ],
          thresholds: [0.8, 1],
          alert: 'FlightgateBudgetUsedUp',
        },
        {
          title: 'Spent and limit of the month',
          description: 'US dollars, by all replicas that share the ledger.',
          unit: 'currencyUSD',
          targets: [
            {
              expr: `max by (account) (flightgate_budget_spent_usd{$sel${OF_ACCOUNT}, period="month"})`,
              legend: '{{account}} spent',
            },
            {
              expr: `max by (account) (flightgate_budget_limit_usd{$sel${OF_ACCOUNT}, period="month"})`,
              legend: '{{account}} limit',
            },
          ],
          alert: 'FlightgateBudgetNearlyUsed',
        },
        {
          title: 'Forecast of the month',
          description: 'What the whole month is expected to cost.',
          unit: 'currencyUSD',
          targets: [
            { expr: `max by (account) (flightgate_cost_forecast_usd{$sel${OF_ACCOUNT}})`, legend: '{{account}}' },
          ],
          alert: 'FlightgateForecastAboveBudget',
        },
        {
          title: 'Reserved',
          description: 'What running statements hold of budgets.',
          unit: 'currencyUSD',
          targets: [
            {
              expr: `max by (account, period) (flightgate_budget_reserved_usd{$sel${OF_ACCOUNT}})`,
              legend: '{{account}} {{period}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Spending',
      panels: [
        {
          title: 'By source, in an hour',
          description: 'US dollars.',
          unit: 'currencyUSD',
          targets: [spentBy('flightgate_cost_usd_total', 'source', OF_SOURCE)],
          stack: true,
        },
        {
          title: 'By principal, in an hour',
          description: 'US dollars.',
          unit: 'currencyUSD',
          targets: [spentBy('flightgate_principal_cost_usd_total', 'principal', ', principal=~"$principal"')],
          stack: true,
        },
        {
          title: 'Cost of one statement',
          description: 'US dollars.',
          unit: 'currencyUSD',
          targets: quantiles('flightgate_statement_cost_usd', 'source', OF_SOURCE),
          exemplars: true,
          alert: 'FlightgateExpensiveStatement',
        },
        {
          title: 'Refused by budgets',
          description: 'Statements and batches, by reason.',
          unit: 'reqps',
          targets: [rateBy('flightgate_budget_refusals_total', 'source, reason', OF_SOURCE)],
          alert: 'FlightgateBudgetUsedUp',
        },
      ],
    },
    {
      title: 'Ledger',
      panels: [
        {
          title: 'Bills that wait',
          description: 'Bills in memory, because the ledger does not answer.',
          unit: 'none',
          targets: [{ expr: 'sum by (instance) (flightgate_ledger_waiting_bills{$sel})', legend: '{{instance}}' }],
          thresholds: [1, 100],
          alert: 'FlightgateLedgerDown',
        },
        {
          title: 'Corrections, in an hour',
          description: 'US dollars by which bills at the engine differed from bills in the ledger.',
          unit: 'currencyUSD',
          targets: [spentBy('flightgate_ledger_corrected_usd_total', 'source', OF_SOURCE)],
          alert: 'FlightgateLedgerOutOfStep',
        },
      ],
    },
  ],
}
