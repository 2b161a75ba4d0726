import {
  BatchEstimateCostRequest,
  BatchEstimateCostResponse,
  EstimateCostRequest,
  EstimateCostResponse,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { SourceEstimate } from '../../../statements/requests/statement-requests.ts'
import { scopeOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { errorMessage } from '../messages/error.ts'
import { estimateMessage } from '../messages/estimate.ts'
import { requestOf, requestsOf } from '../messages/request.ts'

/** EstimateCost: plans a statement and tells what it would read. Nothing runs. */
export function estimateCost(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { statement } = decodeMessage(EstimateCostRequest, request)
      const asked = requestOf(statement)
      const estimate = await front.statements.requests.estimate(asked, await scopeOf(front, call))
      return EstimateCostResponse.encode({ estimate: messageOf(estimate) }).finish()
    },
  }
}

/** BatchEstimateCost: the same for several statements, and their sum. A statement that cannot be planned has an error. */
export function batchEstimateCost(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const asked = requestsOf(decodeMessage(BatchEstimateCostRequest, request).statements)
      const scope = await scopeOf(front, call)
      const { answers, total } = await front.statements.batches.estimate(asked, scope)
      return BatchEstimateCostResponse.encode({
        results: answers.map((answer) => ({
          id: answer.id,
          outcome:
            'value' in answer
              ? { $case: 'estimate', value: messageOf(answer.value) }
              : { $case: 'error', value: errorMessage(answer.error) },
        })),
        total: estimateMessage('', total),
      }).finish()
    },
  }
}

function messageOf({ source, estimate, schema }: SourceEstimate) {
  return estimateMessage(source, estimate, schema)
}
