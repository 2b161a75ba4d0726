import { GatewayError } from '../../query/errors.ts'
import { GrpcFailure } from './failure.ts'

/** Timers may end a little before their time. */
const TIMER_SLACK_MS = 10
/** How long before the deadline that was passed on a server may answer that it has passed. */
const ANSWERED_EARLY_MS = 1000

/**
 * Tells a call that ended at its client's own deadline, which says nothing of the upstream, from one that ended at a limit
 * of the server or of the gateway. The server knows the deadline (`grpc-timeout`), so either side may be the first to act on it.
 * @param deadlineAt of the client, Unix time in milliseconds
 * @returns GatewayError DEADLINE in place of such a failure; any other error as it is
 */
export function withClientDeadline(error: unknown, deadlineAt: number): unknown {
  if (!(error instanceof GrpcFailure) || error.status !== 'DEADLINE_EXCEEDED') return error
  const slackMs = error.origin === 'upstream' ? ANSWERED_EARLY_MS : TIMER_SLACK_MS
  return Date.now() >= deadlineAt - slackMs ? new GatewayError('DEADLINE', undefined, { cause: error }) : error
}
