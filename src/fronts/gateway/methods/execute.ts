import { ExecuteRequest, ExecuteResponse, type ExecuteSummary } from '../../../../gen/flightgate/v1/gateway_service.ts'
import { decodeMessage } from '../../../grpc/server/decode.ts'
import type { Method } from '../../../grpc/server/method.ts'
import { GatewayError } from '../../../query/errors.ts'
import { withCacheHeaders } from '../../../statements/cache/cache-headers.ts'
import { billHeaders, estimateHeaders } from '../../../statements/cost-headers.ts'
import type { StartedStatement } from '../../../statements/requests/statement-requests.ts'
import { sendResult } from '../../grpc/send-result.ts'
import { scopeOf } from '../call.ts'
import type { GatewayFront } from '../front.ts'
import { metricsMessage } from '../messages/outcome.ts'
import { executeParts } from '../messages/part-frames.ts'
import { requestOf } from '../messages/request.ts'
import { whole } from '../messages/whole.ts'
import { messageFrame, partSink } from '../part-sink.ts'

/** Execute: runs a statement and streams its result as an Arrow IPC stream, batch by batch as the client reads. */
export function execute(front: GatewayFront): Method {
  const { limits, statements } = front
  return {
    kind: 'serverStream',
    async handle(request, call) {
      const { statement } = decodeMessage(ExecuteRequest, request)
      const asked = requestOf(statement)
      const started = await statements.requests.start(asked, await scopeOf(front, call))
      const { plan, result, trace } = started
      const metadata = withCacheHeaders(result.metadata, trace.cache)
      const headers = plan.cost ? { ...metadata, ...estimateHeaders(plan.cost) } : metadata
      if (headers) call.sendHeaders(headers)
      await sendResult(
        result,
        partSink(call.headers, executeParts, limits, (message) => call.send(message)),
        {
          keepAliveMs: limits.streamKeepAliveMs,
          // The call's signal aborts pending work.
          onFailure: (error) => call.end(GatewayError.from(error)),
        },
      )
      const summary = { $case: 'summary', value: summaryOf(started) } as const
      await call.send(messageFrame(ExecuteResponse.encode({ part: summary }).finish()))
      const bill = plan.cost && billHeaders(trace)
      if (bill) call.trailers = bill
      await call.flushed()
    },
  }
}

function summaryOf({ plan, result, metrics, queryId }: StartedStatement): ExecuteSummary {
  const { affectedRows } = result.stats
  return {
    affectedRows: plan.kind === 'update' && affectedRows >= 0 ? whole(affectedRows) : undefined,
    metrics: metricsMessage(metrics()),
    queryId: queryId() ?? '',
  }
}
