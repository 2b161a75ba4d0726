import type { z } from 'zod'
import { usdOf } from '../../../cost/pricing/nano-usd.ts'
import type { CostReport, CostRow } from '../../../cost/usage/cost-usage.ts'
import type { costsAnswer } from '../schemas/costs.ts'

/** What statements have cost, as JSON. */
export function costsJson(report: CostReport): z.input<typeof costsAnswer> {
  const { month, timeZone, selection, total, forecast } = report
  const { name: _, ...figures } = rowJson(total)
  return {
    month,
    time_zone: timeZone,
    data_source: selection.source ?? null,
    principal: selection.principal ?? null,
    group: selection.group ?? null,
    label: selection.label ?? null,
    ...figures,
    forecast_usd: forecast ? usdOf(forecast.nanoUsd) : null,
    forecast_basis: forecast?.basis ?? null,
    budgets: report.budgets.map(({ limit: { account, period, maxNanoUsd }, spentNanoUsd, reservedNanoUsd }) => ({
      account: account.kind,
      name: account.name,
      period,
      limit_usd: usdOf(maxNanoUsd),
      spent_usd: usdOf(spentNanoUsd),
      reserved_usd: usdOf(reservedNanoUsd),
    })),
    days: report.days.map(rowJson),
    data_sources: report.sources.map(rowJson),
    principals: report.principals.map(rowJson),
    groups: report.groups.map(rowJson),
    labels: report.labels.map(rowJson),
    top_statements: report.statements.map(({ hash, text, source, principal, runs, nanoUsd, billedBytes }) => ({
      statement_hash: hash,
      text: text ?? null,
      data_source: source,
      principal,
      runs,
      cost_usd: usdOf(nanoUsd),
      billed_bytes: billedBytes,
    })),
  }
}

function rowJson({ name, statements, nanoUsd, billedBytes, slotMs, cacheHits }: CostRow) {
  return {
    name,
    statements,
    cost_usd: usdOf(nanoUsd),
    billed_bytes: billedBytes,
    slot_ms: slotMs,
    cache_hits: cacheHits,
  }
}
