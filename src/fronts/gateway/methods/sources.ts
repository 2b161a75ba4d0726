import {
  GetSourceRequest,
  GetSourceResponse,
  ListSourcesRequest,
  ListSourcesResponse,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import type { GatewayFront } from '../front.ts'
import { endpointMessage, sourceMessage } from '../messages/source.ts'

/** ListSources: the sources that statements can name, and their health. */
export function listSources({ sourceStatus }: GatewayFront): Method {
  return {
    kind: 'unary',
    handle(request, { principal }) {
      decodeMessage(ListSourcesRequest, request)
      return ListSourcesResponse.encode({ sources: sourceStatus.list(principal).map(sourceMessage) }).finish()
    },
  }
}

/** GetSource: one source, its slots, and the circuit breakers and pools of its servers. */
export function getSource({ sourceStatus }: GatewayFront): Method {
  return {
    kind: 'unary',
    handle(request, { principal }) {
      const { name } = decodeMessage(GetSourceRequest, request)
      if (name === '') throw new GatewayError('BAD_REQUEST', 'Set the name of the source: ListSources lists them.')
      const { slots, endpoints, ...source } = sourceStatus.get(name, principal)
      return GetSourceResponse.encode({
        source: sourceMessage(source),
        slots,
        endpoints: endpoints.map(endpointMessage),
      }).finish()
    },
  }
}
