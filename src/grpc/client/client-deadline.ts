import { TIMER_SLACK_MS } from '../../async/timer-slack.ts'
import { GatewayError } from '../../query/errors.ts'
import { GrpcFailure } from './failure.ts'

/** How early a server may report that the propagated deadline has passed, in milliseconds. */
const ANSWERED_EARLY_MS = 1000

/**
 * Distinguishes a call that ended at its client's own deadline, which says nothing about the upstream, from one that ended at a
 * limit of the server or the gateway. The server knows the deadline (`grpc-timeout`), so either side may act on it first.
 * @param deadlineAt the client's deadline, Unix time in milliseconds
 * @returns GatewayError DEADLINE for a client's deadline; any other error unchanged
 */
export function withClientDeadline(error: unknown, deadlineAt: number): unknown {
  if (!(error instanceof GrpcFailure) || error.status !== 'DEADLINE_EXCEEDED') return error
  const slackMs = error.origin === 'upstream' ? ANSWERED_EARLY_MS : TIMER_SLACK_MS
  return Date.now() >= deadlineAt - slackMs ? new GatewayError('DEADLINE', undefined, { cause: error }) : error
}
