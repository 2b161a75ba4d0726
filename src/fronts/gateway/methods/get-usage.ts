import { GetUsageRequest, GetUsageResponse, type Quota } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { usdOf } from '../../../cost/pricing/nano-usd.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { QuotaState } from '../../../quotas/usage.ts'
import { timestampOf } from '../../grpc/timestamp.ts'
import { contextOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'

/** GetUsage: what a principal has used today, and its limits. */
export function getUsage(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { principal } = decodeMessage(GetUsageRequest, request)
      const usage = await front.quotas.usage.of(contextOf(front, call), principal)
      const costs = await front.costUsage.today(
        usage.principal,
        usage.sources.map(({ source }) => source),
      )
      return GetUsageResponse.encode({
        principal: usage.principal,
        since: timestampOf(usage.since),
        sources: usage.sources.map(({ source, statements, failed, rows, bytes }) => ({
          dataSource: source,
          statements: BigInt(statements),
          failed: BigInt(failed),
          rows: BigInt(rows),
          bytes: BigInt(bytes),
          costUsd: costs.has(source) ? usdOf(costs.get(source)!) : undefined,
        })),
        requestsPerMinute: quotaMessage(usage.requestsPerMinute),
        concurrentStatements: quotaMessage(usage.concurrentStatements),
        bytesPerDay: quotaMessage(usage.bytesPerDay),
      }).finish()
    },
  }
}

function quotaMessage(quota: QuotaState | undefined): Quota | undefined {
  if (!quota) return undefined
  const { limit, remaining, resetAt } = quota
  return {
    limit: BigInt(limit),
    remaining: BigInt(remaining),
    resetTime: resetAt === undefined ? undefined : timestampOf(resetAt),
  }
}
