import type { RecentQuery } from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { RecentStatement } from '../../../query/control/recent-statements.ts'
import { timestampOf } from '../../grpc/timestamp.ts'

/** The message of a statement that has ended. */
export function recentQueryMessage(statement: RecentStatement): RecentQuery {
  const { billedBytes } = statement
  return {
    id: statement.id,
    principal: statement.principal,
    dataSource: statement.source,
    query: statement.text,
    outcome: statement.outcome,
    message: statement.message ?? '',
    front: statement.front ?? '',
    startTime: timestampOf(statement.startedAt),
    endTime: timestampOf(statement.endedAt),
    durationMs: statement.durationMs,
    planMs: statement.planMs,
    queueMs: statement.queueMs,
    firstByteMs: statement.firstByteMs,
    streamMs: statement.streamMs,
    rows: BigInt(statement.rows),
    bytes: BigInt(statement.bytes),
    billedBytes: billedBytes === undefined ? undefined : BigInt(billedBytes),
    costUsd: statement.costUsd,
    cache: statement.cache ?? '',
    isShared: statement.isShared,
    requestId: statement.requestId,
  }
}
