import type { Method, Methods } from '../../grpc/server/method.ts'
import type { GatewayFront } from './front.ts'
import { drainSource, reloadConfig, rotateSealKeys, setBreaker, undrainSource } from './methods/admin.ts'
import { clearCache, getCacheStats } from './methods/cache.ts'
import { batchEstimateCost, estimateCost } from './methods/estimate-cost.ts'
import { execute } from './methods/execute.ts'
import { executeBatch } from './methods/execute-batch.ts'
import { getCosts } from './methods/get-costs.ts'
import { getUsage } from './methods/get-usage.ts'
import { getVersion } from './methods/get-version.ts'
import { planBatch } from './methods/plan-batch.ts'
import { cancelQuery, listQueries } from './methods/queries.ts'
import { listRecentQueries } from './methods/recent-queries.ts'
import { getSource, listSources } from './methods/sources.ts'

/** Full name of the service, as used by gRPC health checks. */
export const gatewayServiceName = 'flightgate.v1.GatewayService'

/** The Gateway service, for services that do not speak Flight; see `proto/flightgate/v1/gateway_service.proto`. */
export function gatewayMethods(front: GatewayFront): Methods {
  const methods: Record<string, Method> = {
    EstimateCost: estimateCost(front),
    BatchEstimateCost: batchEstimateCost(front),
    Execute: execute(front),
    ExecuteBatch: executeBatch(front),
    PlanBatch: planBatch(front),
    ListSources: listSources(front),
    GetSource: getSource(front),
    GetUsage: getUsage(front),
    GetCosts: getCosts(front),
    ListQueries: listQueries(front),
    ListRecentQueries: listRecentQueries(front),
    CancelQuery: cancelQuery(front),
    GetCacheStats: getCacheStats(front),
    ClearCache: clearCache(front),
    DrainSource: drainSource(front),
    UndrainSource: undrainSource(front),
    SetBreaker: setBreaker(front),
    RotateSealKeys: rotateSealKeys(front),
    ReloadConfig: reloadConfig(front),
    GetVersion: getVersion(front),
  }
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [`/${gatewayServiceName}/${name}`, method]))
}
