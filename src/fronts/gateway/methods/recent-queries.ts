import { ListRecentQueriesRequest, ListRecentQueriesResponse } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { GatewayFront } from '../front.ts'
import { recentQueryMessage } from '../messages/recent-query.ts'

/** ListRecentQueries: the statements that ended last, of the caller or, for those who may control others, of all. */
export function listRecentQueries({ recent }: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { dataSource, principal, outcome, limit } = decodeMessage(ListRecentQueriesRequest, request)
      const { statements, isPartial } = await recent.list(call.principal, {
        ...(dataSource !== '' && { source: dataSource }),
        ...(principal !== '' && { principal }),
        ...(outcome !== '' && { outcome }),
        ...(limit > 0 && { limit }),
      })
      return ListRecentQueriesResponse.encode({ queries: statements.map(recentQueryMessage), isPartial }).finish()
    },
  }
}
