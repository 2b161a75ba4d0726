import { ExecuteBatchRequest } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { BatchStream } from '../batch-stream.ts'
import { scopeOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { requestsOf } from '../messages/request.ts'

/** ExecuteBatch: runs several statements side by side and streams their results as they come, last the summary. */
export function executeBatch(front: GatewayFront): Method {
  return {
    kind: 'serverStream',
    async handle(request, call) {
      const { statements, options = {} } = decodeMessage(ExecuteBatchRequest, request)
      const asked = requestsOf(statements)
      const stream = new BatchStream(call, front.limits)
      const scope = await scopeOf(front, call)
      await stream.finish(await front.statements.batches.run(asked, options, scope, stream))
      await call.flushed()
    },
  }
}
