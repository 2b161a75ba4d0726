import type { GrpcCall } from '../../grpc/server/call.ts'
import type { StatementTrace } from '../../query/statement-trace.ts'
import type { Plan } from '../../query/types.ts'
import { billHeaders, estimateHeaders } from '../../statements/cost-headers.ts'

/**
 * Sends the initial metadata of a call that has planned a statement: what the engine attached, and for a source that bills what
 * the statement is expected to cost, and what it has cost if it has run.
 */
export function sendPlanHeaders(call: GrpcCall, { metadata, cost }: Plan, trace?: StatementTrace): void {
  if (cost) call.sendHeaders({ ...metadata, ...estimateHeaders(cost), ...(trace && billHeaders(trace)) })
  else if (metadata) call.sendHeaders(metadata)
}
