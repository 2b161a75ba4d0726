import { GetVersionRequest, GetVersionResponse } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { GatewayFront } from '../front.ts'

/** GetVersion: the version of the gateway. */
export function getVersion({ version }: GatewayFront): Method {
  const response = GetVersionResponse.encode({ version }).finish()
  return {
    kind: 'unary',
    handle(request) {
      decodeMessage(GetVersionRequest, request)
      return response
    },
  }
}
