import {
  ClearCacheRequest,
  ClearCacheResponse,
  GetCacheStatsRequest,
  GetCacheStatsResponse,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { contextOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { cacheFilterOf, cacheStatsMessage } from '../messages/cache-admin.ts'

/** GetCacheStats: the state of the result cache of this replica, for operators. */
export function getCacheStats({ cache }: GatewayFront): Method {
  return {
    kind: 'unary',
    handle(request, { principal }) {
      decodeMessage(GetCacheStatsRequest, request)
      return GetCacheStatsResponse.encode(cacheStatsMessage(cache.stats(principal))).finish()
    },
  }
}

/** ClearCache: drops entries of the result cache on all replicas, for operators. */
export function clearCache(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const asked = decodeMessage(ClearCacheRequest, request)
      const by = { ctx: contextOf(front, call), reason: asked.reason }
      return ClearCacheResponse.encode({
        cleared: BigInt(await front.administration.clearCache(by, cacheFilterOf(asked))),
      }).finish()
    },
  }
}
