import { QueryState, type RunningQuery } from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { ActiveStatement } from '../../../query/control/tracked-statement.ts'
import { timestampOf } from '../../grpc/timestamp.ts'

const states = {
  queued: QueryState.QUERY_STATE_QUEUED,
  running: QueryState.QUERY_STATE_RUNNING,
} as const

/** The message of a statement that waits or runs. */
export function runningQueryMessage(statement: ActiveStatement): RunningQuery {
  const { id, principal, source, text, state, startedAt, rows, bytes, estimatedCostUsd, requestId } = statement
  return {
    id,
    principal,
    dataSource: source,
    query: text,
    state: states[state],
    startTime: timestampOf(startedAt),
    rows: BigInt(rows),
    bytes: BigInt(bytes),
    requestId,
    estimatedCostUsd,
  }
}
