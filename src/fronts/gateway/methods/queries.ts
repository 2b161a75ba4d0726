import {
  CancelQueryRequest,
  CancelQueryResponse,
  ListQueriesRequest,
  ListQueriesResponse,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import { contextOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { runningQueryMessage } from '../messages/running-query.ts'

/**
 * ListQueries: the statements that wait or run, of the caller, and all of the sources that it may operate. With `all_principals`
 * it is an action of operators.
 */
export function listQueries(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { dataSource, principal, allPrincipals } = decodeMessage(ListQueriesRequest, request)
      const filter = { ...(dataSource !== '' && { source: dataSource }), ...(principal !== '' && { principal }) }
      const { statements, isPartial } = allPrincipals
        ? await front.administration.queries({ ctx: contextOf(front, call) }, filter)
        : await front.active.list(call.principal, filter)
      return ListQueriesResponse.encode({ queries: statements.map(runningQueryMessage), isPartial }).finish()
    },
  }
}

/** CancelQuery: ends a statement that waits or runs, on any replica. */
export function cancelQuery(front: GatewayFront): Method {
  const response = CancelQueryResponse.encode({}).finish()
  return {
    kind: 'unary',
    async handle(request, call) {
      const { id, reason } = decodeMessage(CancelQueryRequest, request)
      if (id === '') throw new GatewayError('BAD_REQUEST', 'Set the id of the statement: ListQueries lists them.')
      await front.administration.cancel({ ctx: contextOf(front, call), reason }, id)
      return response
    },
  }
}
