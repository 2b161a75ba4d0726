import {
  AccountKind,
  BudgetPeriod,
  type BudgetState,
  type CostRow,
  type GetCostsResponse,
} from '../../../gen/flightgate/v1/gateway_service.ts'

const accounts: Readonly<Record<number, string>> = {
  [AccountKind.ACCOUNT_KIND_GATEWAY]: 'gateway',
  [AccountKind.ACCOUNT_KIND_SOURCE]: 'source',
  [AccountKind.ACCOUNT_KIND_PRINCIPAL]: 'principal',
  [AccountKind.ACCOUNT_KIND_GROUP]: 'group',
}

/** What statements have cost, as `GET /api/v1/costs` of the HTTP API tells it. */
export type UsageJson = ReturnType<typeof usageJson>

/** Translates an answer of the Gateway service. */
export function usageJson(costs: GetCostsResponse) {
  const { name: _, ...figures } = rowJson(costs.total)
  return {
    month: costs.month,
    time_zone: costs.timeZone,
    data_source: costs.dataSource || null,
    principal: costs.principal || null,
    group: costs.group || null,
    label: costs.label || null,
    ...figures,
    forecast_usd: costs.forecastUsd ?? null,
    forecast_basis: costs.forecastBasis || null,
    budgets: costs.budgets.map(budgetJson),
    days: costs.days.map(rowJson),
    data_sources: costs.dataSources.map(rowJson),
    principals: costs.principals.map(rowJson),
    groups: costs.groups.map(rowJson),
    labels: costs.labels.map(rowJson),
    top_statements: costs.topStatements.map((top) => ({
      statement_hash: top.statementHash,
      text: top.text || null,
      data_source: top.dataSource,
      principal: top.principal,
      runs: Number(top.runs),
      cost_usd: top.costUsd,
      billed_bytes: Number(top.billedBytes),
    })),
  }
}

function rowJson(row: CostRow | undefined) {
  return {
    name: row?.name ?? '',
    statements: Number(row?.statements ?? 0),
    cost_usd: row?.costUsd ?? 0,
    billed_bytes: Number(row?.billedBytes ?? 0),
    slot_ms: Number(row?.slotMs ?? 0),
    cache_hits: Number(row?.cacheHits ?? 0),
  }
}

function budgetJson({ account, name, period, limitUsd, spentUsd, reservedUsd }: BudgetState) {
  return {
    account: accounts[account] ?? 'unknown',
    name,
    period: period === BudgetPeriod.BUDGET_PERIOD_DAY ? 'day' : 'month',
    limit_usd: limitUsd,
    spent_usd: spentUsd,
    reserved_usd: reservedUsd,
  }
}
