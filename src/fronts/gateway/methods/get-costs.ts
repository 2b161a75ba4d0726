import {
  AccountKind,
  BudgetPeriod,
  GetCostsRequest,
  GetCostsResponse,
  type CostRow as RowMessage,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { usdOf } from '../../../cost/pricing/nano-usd.ts'
import type { CostRow } from '../../../cost/usage/cost-usage.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { contextOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'

const accounts = {
  gateway: AccountKind.ACCOUNT_KIND_GATEWAY,
  source: AccountKind.ACCOUNT_KIND_SOURCE,
  principal: AccountKind.ACCOUNT_KIND_PRINCIPAL,
  group: AccountKind.ACCOUNT_KIND_GROUP,
}
const periods = { day: BudgetPeriod.BUDGET_PERIOD_DAY, month: BudgetPeriod.BUDGET_PERIOD_MONTH }

/** GetCosts: what the statements of a month have cost. */
export function getCosts(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { month, dataSource, principal, group, label } = decodeMessage(GetCostsRequest, request)
      const caller = contextOf(front, call).principal
      const report = await front.costUsage.report({ month, source: dataSource, principal, group, label }, caller)
      const { selection, forecast } = report
      return GetCostsResponse.encode({
        month: report.month,
        timeZone: report.timeZone,
        dataSource: selection.source ?? '',
        principal: selection.principal ?? '',
        group: selection.group ?? '',
        label: selection.label ?? '',
        total: rowMessage(report.total),
        forecastUsd: forecast && usdOf(forecast.nanoUsd),
        forecastBasis: forecast?.basis ?? '',
        budgets: report.budgets.map(({ limit: { account, period, maxNanoUsd }, spentNanoUsd, reservedNanoUsd }) => ({
          account: accounts[account.kind],
          name: account.name,
          period: periods[period],
          limitUsd: usdOf(maxNanoUsd),
          spentUsd: usdOf(spentNanoUsd),
          reservedUsd: usdOf(reservedNanoUsd),
        })),
        days: report.days.map(rowMessage),
        dataSources: report.sources.map(rowMessage),
        principals: report.principals.map(rowMessage),
        groups: report.groups.map(rowMessage),
        labels: report.labels.map(rowMessage),
        topStatements: report.statements.map(({ hash, text, source, principal, runs, nanoUsd, billedBytes }) => ({
          statementHash: hash,
          text: text ?? '',
          dataSource: source,
          principal,
          runs: BigInt(runs),
          costUsd: usdOf(nanoUsd),
          billedBytes: BigInt(billedBytes),
        })),
      }).finish()
    },
  }
}

function rowMessage({ name, statements, nanoUsd, billedBytes, slotMs, cacheHits }: CostRow): RowMessage {
  return {
    name,
    statements: BigInt(statements),
    costUsd: usdOf(nanoUsd),
    billedBytes: BigInt(billedBytes),
    slotMs: BigInt(slotMs),
    cacheHits: BigInt(cacheHits),
  }
}
