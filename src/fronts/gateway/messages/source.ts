import {
  BreakerState,
  type Endpoint,
  HealthState,
  type Source as SourceMessage,
} from '../../../../gen/flightgate/v1/gateway_service.ts'
import type { SourceSummary } from '../../../query/control/source-status.ts'
import type { EndpointStatus } from '../../../query/source.ts'
import { timestampOf } from '../../grpc/timestamp.ts'

const healthStates = {
  unknown: HealthState.HEALTH_STATE_UNKNOWN,
  up: HealthState.HEALTH_STATE_UP,
  down: HealthState.HEALTH_STATE_DOWN,
} as const

const breakerStates = {
  closed: BreakerState.BREAKER_STATE_CLOSED,
  open: BreakerState.BREAKER_STATE_OPEN,
  'half-open': BreakerState.BREAKER_STATE_HALF_OPEN,
} as const

/** The message of a source. */
export function sourceMessage({ name, kind, writes, isDefault, health }: SourceSummary): SourceMessage {
  return {
    name,
    kind,
    writes,
    default: isDefault,
    health: healthStates[health.state],
    healthSince: health.since === undefined ? undefined : timestampOf(health.since),
  }
}

/** The message of a server of a source. */
export function endpointMessage({ breaker, ...endpoint }: EndpointStatus): Endpoint {
  return { ...endpoint, breaker: breakerStates[breaker] }
}
