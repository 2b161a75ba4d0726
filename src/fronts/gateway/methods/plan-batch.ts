import {
  PlanBatchRequest,
  PlanBatchResponse,
  type PlannedTicket as PlannedTicketMessage,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import { encapsulate } from '../../../arrow/ipc/ipc.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import type { Estimate } from '../../../query/estimate.ts'
import { ESTIMATE_HEADER } from '../../../query/estimates/estimate-json.ts'
import type { PlannedTicket } from '../../../statements/batch/batches.ts'
import { estimateWishOf } from '../../../statements/option-headers.ts'
import { ticketOf } from '../../grpc/flight-ticket.ts'
import { timestampOf } from '../../grpc/timestamp.ts'
import { scopeOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { errorMessage } from '../messages/error.ts'
import { estimateMessage } from '../messages/estimate.ts'
import { requestsOf } from '../messages/request.ts'

const unknown: Estimate = { accuracy: 'unknown' }

/** PlanBatch: plans several statements and returns Flight tickets for their results. Nothing runs. */
export function planBatch(front: GatewayFront): Method {
  return {
    kind: 'unary',
    async handle(request, call) {
      const { statements, options = {} } = decodeMessage(PlanBatchRequest, request)
      const asked = requestsOf(statements)
      const scope = await scopeOf(front, call)
      const isEstimated = estimateWishOf(call.header(ESTIMATE_HEADER)) !== 'no'
      const answers = await front.statements.batches.plan(asked, options, scope, isEstimated)
      return PlanBatchResponse.encode({
        results: answers.map((answer) => ({
          id: answer.id,
          outcome:
            'value' in answer
              ? { $case: 'ticket', value: ticketMessage(answer.value, isEstimated) }
              : { $case: 'error', value: errorMessage(answer.error) },
        })),
      }).finish()
    },
  }
}

function ticketMessage({ handle, plan, expiresAt }: PlannedTicket, isEstimated: boolean): PlannedTicketMessage {
  const { schema, query } = plan
  const estimate = plan.estimate ?? (isEstimated ? unknown : undefined)
  return {
    ticket: ticketOf(handle),
    schema: schema.byteLength > 0 ? encapsulate(schema) : schema,
    estimate: estimate && estimateMessage(query.source, estimate),
    expireTime: timestampOf(expiresAt),
  }
}
